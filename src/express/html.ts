/** Builds HTML in which every value is escaped as it is put in. */
import { visible } from '../base/terminal-text';

/** A piece of HTML. Only `html` creates one, so unescaped text cannot be mistaken for it. */
export class Html {
  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
  }

  toString(): string {
    return this.#text;
  }
}

const escapes: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** The values allowed in a template. */
export type Value = string | number | bigint | boolean | null | undefined | Html | readonly Value[];

function escape(value: Value): string {
  if (value instanceof Html) return value.toString();
  if (typeof value === 'object' && value !== null) return value.map(escape).join('');
  if (value === null || value === undefined) return '';
  return visible(`${value}`).replaceAll(/[&<>"']/g, character => escapes[character] ?? character);
}

/** A template that escapes its values: pieces of HTML stay, lists are joined, `null` is nothing. */
export function html(parts: TemplateStringsArray, ...values: readonly Value[]): Html {
  return new Html(String.raw({ raw: parts }, ...values.map(escape)));
}
