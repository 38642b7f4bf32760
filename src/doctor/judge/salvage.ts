/** Writes the commands that save what is left of a damaged database, and bring a backup back. Pure. */
import { shellWord } from '../../base/terminal-text';
import type { CheckInput } from './subject';

/** First a copy of everything that stands there, then the newest backup that is known in its place. */
export function salvageCommands({ file, facts }: Pick<CheckInput, 'file' | 'facts'>): readonly string[] {
  const { sidecars = [] } = facts.files ?? {};
  const files = [file, ...sidecars.map(({ path }) => path)].map(shellWord);
  return [`cp -a ${files.join(' ')} <other storage>`, restoreCommand({ file, facts })];
}

/** The newest backup that is as its manifest says; a placeholder where none is known. */
export function restoreCommand({ file, facts }: Pick<CheckInput, 'file' | 'facts'>): string {
  const whole = facts.backups?.backups.filter(({ manifest, bytes }) => manifest === null || manifest.bytes === bytes);
  const newest = whole?.at(-1)?.path;
  return `npx safe-sqlite restore ${newest === undefined ? '<backup>' : shellWord(newest)} ${shellWord(file)}`;
}
