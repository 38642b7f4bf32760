/** Makes foreign text safe to show in a terminal, a log and a page, and file names safe to paste into a shell. Pure. */

/**
 * Characters that a terminal or a viewer acts on instead of showing them: C0, DEL and C1 controls (cursor, colour, title,
 * clipboard: ECMA-48), line and paragraph separators, the controls of bidirectional text (UAX 9) and other invisible
 * format characters, and halves of surrogate pairs.
 */
const active =
  // oxlint-disable-next-line no-control-regex -- these are what it looks for
  /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g;

const shortEscapes: Readonly<Record<string, string>> = {
  '\n': String.raw`\n`,
  '\r': String.raw`\r`,
  '\t': String.raw`\t`,
};

/** `text` on one line, with each character that a terminal would act on as an escape: `\n`, `\x1b`, `\u202e`. */
export function visible(text: string): string {
  return text.replace(active, character => shortEscapes[character] ?? escapeOf(character));
}

/** Text of a JSON document or of lines of them, with the same characters as JSON escapes: it stays JSON and says the same. */
export function visibleJson(json: string): string {
  return json.replace(active, character =>
    // JSON escapes C0 itself: a line feed stands between members or documents.
    character === '\n' ? character : `\\u${(character.codePointAt(0) ?? 0).toString(16).padStart(4, '0')}`,
  );
}

function escapeOf(character: string): string {
  const code = character.codePointAt(0) ?? 0;
  return code < 0x100 ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u${code.toString(16).padStart(4, '0')}`;
}

/**
 * A file name as one word of a shell: pasted, it means this name and nothing else, whatever it contains. Names with active
 * characters are written as `$'…'` (bash, zsh, ksh, busybox; POSIX.1-2024), with the bytes of each as `\ooo`.
 */
export function shellWord(name: string): string {
  // A name that begins with a hyphen would be an option.
  const word = name.startsWith('-') ? `./${name}` : name;
  if (/^[\w@%+=:,./-]+$/.test(word)) return word;
  if (word.search(active) === -1) return `'${word.replaceAll("'", String.raw`'\''`)}'`;
  const escaped = word.replaceAll(/[\\']/g, String.raw`\$&`).replace(active, octets);
  return `$'${escaped}'`;
}

function octets(character: string): string {
  return [...Buffer.from(character)].map(byte => `\\${byte.toString(8).padStart(3, '0')}`).join('');
}
