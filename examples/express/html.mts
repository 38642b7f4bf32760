/** Text that is safe in a page: values are escaped as they are put in. */

/** A piece of HTML. Nothing else makes one but `html`, so what was not escaped cannot be mistaken for it. */
export class Html {
  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
  }

  toString(): string {
    return this.#text;
  }
}

const escapes: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };

function escape(value: unknown): string {
  if (value instanceof Html) return value.toString();
  if (Array.isArray(value)) return value.map(escape).join('');
  return String(value).replaceAll(/[&<>"]/g, character => escapes[character] ?? character);
}

export function html(parts: TemplateStringsArray, ...values: readonly unknown[]): Html {
  return new Html(String.raw({ raw: parts }, ...values.map(escape)));
}
