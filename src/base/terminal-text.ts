/** Makes foreign text safe to show in a terminal, a log or a page, and file names safe to paste into a shell. Pure. */

/**
 * Characters that a terminal or a viewer interprets instead of showing: C0, DEL and C1 controls (cursor, colour, title,
 * clipboard: ECMA-48), line and paragraph separators, bidirectional controls (UAX 9), other invisible format
 * characters, and unpaired surrogates.
 */
const active =
  // oxlint-disable-next-line no-control-regex -- these are what it looks for
  /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g;

const shortEscapes: Readonly<Record<string, string>> = {
  '\n': String.raw`\n`,
  '\r': String.raw`\r`,
  '\t': String.raw`\t`,
};

/** Returns `text` on one line, with each active character escaped: `\n`, `\x1b`, `\u202e`. */
export function visible(text: string): string {
  return text.replace(active, character => shortEscapes[character] ?? escapeOf(character));
}

/** Escapes the same characters in JSON or lines of JSON as JSON escapes; the document stays valid and equal. */
export function visibleJson(json: string): string {
  return json.replace(active, character =>
    // JSON escapes C0 itself, so a line feed can only stand between members or documents.
    character === '\n' ? character : `\\u${(character.codePointAt(0) ?? 0).toString(16).padStart(4, '0')}`,
  );
}

function escapeOf(character: string): string {
  const code = character.codePointAt(0) ?? 0;
  return code < 0x100 ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u${code.toString(16).padStart(4, '0')}`;
}

/**
 * Quotes a file name as one shell word that, when pasted, means exactly this name. Names with active characters are
 * written as `$'…'` (bash, zsh, ksh, busybox; POSIX.1-2024), with their bytes as `\ooo`. On Windows: `windowsWord`.
 */
export function shellWord(name: string): string {
  if (process.platform === 'win32') return windowsWord(name);
  // A name that begins with a hyphen would be read as an option.
  const word = name.startsWith('-') ? `./${name}` : name;
  if (/^[\w@%+=:,./-]+$/.test(word)) return word;
  if (word.search(active) === -1) return `'${word.replaceAll("'", String.raw`'\''`)}'`;
  const escaped = word.replaceAll(/[\\']/g, String.raw`\$&`).replace(active, octets);
  return `$'${escaped}'`;
}

/**
 * The same for Windows: a name that `cmd.exe` and PowerShell read alike, where there is a way to write it for both. A name with
 * `%`, `$`, a backtick or an active character is written for PowerShell, whose single quotes `cmd.exe` does not know.
 */
export function windowsWord(name: string): string {
  const word = name.startsWith('-') ? `.\\${name}` : name;
  if (/^[\w+:.\\/~-]+$/.test(word)) return word;
  if (word.search(active) !== -1) return `"${word.replaceAll(/[$`"]/g, '`$&').replace(active, powerShellEscape)}"`;
  if (/[%$`"]/.test(word)) return `'${word.replaceAll("'", "''")}'`;
  // A backslash before the closing quote would take it for a character.
  return `"${word.replace(/\\+$/, '$&$&')}"`;
}

function powerShellEscape(character: string): string {
  return `\`u{${(character.codePointAt(0) ?? 0).toString(16)}}`;
}

function octets(character: string): string {
  return [...Buffer.from(character)].map(byte => `\\${byte.toString(8).padStart(3, '0')}`).join('');
}
