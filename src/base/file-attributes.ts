/** The attributes of chattr(1) that forbid what the mode of a file allows, and the commands that take them away. Pure. */
import { shellWord } from './terminal-text';

/** `a`: append-only; `i`: immutable. */
export type Attribute = 'a' | 'i';

/** A file or folder with such an attribute. */
export interface Attributed {
  readonly path: string;
  readonly attributes: readonly Attribute[];
}

/** The attributes in a line of lsattr, `-----a--------e------- /path`. `A` is noatime, `I` an indexed folder. Pure. */
export function attributesIn(line: string): readonly Attribute[] {
  const flags = /^([-A-Za-z]+)\s/.exec(line)?.[1] ?? '';
  return (['a', 'i'] as const).filter(attribute => flags.includes(attribute));
}

/** What these attributes are, as a sentence. Pure. */
export function attributeFacts(found: readonly Attributed[]): string {
  const facts = found.map(({ path, attributes }) => `${path} is ${attributes.map(each => names[each]).join(' and ')}`);
  return `${facts.join(', ')}.`;
}

/** What these attributes are, and the command that takes them away. Pure. */
export function attributeAdvice(found: readonly Attributed[]): string {
  const commands = found.map(each => `\`${removeAttributes(each)}\``);
  return `${attributeFacts(found)} Its mode does not show it. Find out first who has set it; then take it away, as root: ${commands.join(', ')}.`;
}

/** The command that takes the attributes of one path away. Pure. */
export function removeAttributes({ path, attributes }: Attributed): string {
  return `chattr ${attributes.map(attribute => `-${attribute}`).join(' ')} ${shellWord(path)}`;
}

const names: Readonly<Record<Attribute, string>> = {
  a: 'append-only (attribute `a`)',
  i: 'immutable (attribute `i`)',
};
