/**
 * Splits SQL text into tokens exactly where SQLite does (tokenize.c, `sqlite3GetToken`), as better-sqlite3 builds it:
 * with `SQLITE_OMIT_TCL_VARIABLE`, where `$a::b(c)` is not a single variable.
 *
 * Offsets are UTF-16 code units of the given text. SQLite reads UTF-8 bytes; every byte of a character outside ASCII is
 * an identifier byte there, so one code unit at or above 0x80 stands for all of its bytes.
 */

type TokenKind =
  | 'space'
  | 'comment'
  /** `'…'` */
  | 'string'
  /** `"…"`, `` `…` `` or `[…]` */
  | 'quoted-name'
  /** A bare identifier or a keyword. */
  | 'word'
  | 'blob'
  | 'number'
  /** `?`, `?1`, `:a`, `@a`, `$a`, `#a` */
  | 'variable'
  | 'operator'
  | 'semicolon'
  /** SQLite's "unrecognized token": it stops reading the text there. */
  | 'illegal';

export interface Token {
  readonly kind: TokenKind;
  readonly start: number;
  readonly end: number;
}

// Space begins with one of these and may continue with a vertical tab: `sqlite3Isspace` accepts it, the table of first
// bytes does not.
const spaces = /[ \t\n\f\r][ \t-\r]*/y;
const nameCharacters = /[\w$\u0080-\uffff]*/y;
const digits = /[0-9]*/y;
const hexDigits = /[0-9A-Fa-f]*/y;
// `_` separates digits since SQLite 3.46; a misplaced one is found later, by the parser.
const numbers = /0[xX][0-9A-Fa-f][0-9A-Fa-f_]*|[0-9_]*(?:\.[0-9_]*)?(?:[eE][+-]?[0-9][0-9_]*)?/y;
const operators = /->>?|==|<[=><]?|>[=>]?|!=|\|\||[()+*/%=|,&~.-]/y;

const byteOrderMark = '\ufeff';

/** Returns the part of `sql` that SQLite reads: a C string, which ends at the first NUL. */
export function readableText(sql: string): string {
  const nul = sql.indexOf('\0');
  return nul === -1 ? sql : sql.slice(0, nul);
}

/** Characters that can neither end a statement nor begin a token that may contain a semicolon. */
const plain = /[^;'"`[/-]+/y;

/** Finds the next semicolon of a `readableText` from the beginning of a token; its length if there is none. */
export function semicolonFrom(text: string, start: number): number {
  for (let at = start; at < text.length;) {
    at = endOf(plain, text, at);
    if (text.charAt(at) === ';') return at;
    if (at < text.length) at = tokenAt(text, at).end;
  }
  return text.length;
}

/** Returns the token of a `readableText` that begins at `start`, which is less than its length. */
export function tokenAt(text: string, start: number): Token {
  const first = text.charAt(start);
  switch (first) {
    case ' ':
    case '\t':
    case '\n':
    case '\f':
    case '\r':
      return { kind: 'space', start, end: endOf(spaces, text, start) };
    case byteOrderMark:
      return { kind: 'space', start, end: start + 1 };
    case ';':
      return { kind: 'semicolon', start, end: start + 1 };
    case "'":
      return quoted(text, start, 'string');
    case '"':
    case '`':
      return quoted(text, start, 'quoted-name');
    case '[':
      return bracketed(text, start);
    case '?':
      return { kind: 'variable', start, end: endOf(digits, text, start + 1) };
    case '$':
    case '@':
    case ':':
    case '#':
      return namedVariable(text, start);
    case 'x':
    case 'X':
      return text.charAt(start + 1) === "'" ? blob(text, start) : word(text, start);
    case '-':
      return text.startsWith('--', start) ? lineComment(text, start) : operator(text, start);
    case '/':
      // A `/*` at the end of the text is a division sign and an asterisk.
      return text.startsWith('/*', start) && start + 2 < text.length
        ? blockComment(text, start)
        : operator(text, start);
    case '.':
      return isDigit(text.charAt(start + 1)) ? number(text, start) : operator(text, start);
    default:
      if (isDigit(first)) return number(text, start);
      return endOf(nameCharacters, text, start) > start ? word(text, start) : operator(text, start);
  }
}

function word(text: string, start: number): Token {
  return { kind: 'word', start, end: endOf(nameCharacters, text, start) };
}

function number(text: string, start: number): Token {
  const end = endOf(numbers, text, start);
  const runOn = endOf(nameCharacters, text, end);
  return { kind: runOn > end ? 'illegal' : 'number', start, end: runOn };
}

function namedVariable(text: string, start: number): Token {
  const end = endOf(nameCharacters, text, start + 1);
  return { kind: end > start + 1 ? 'variable' : 'illegal', start, end };
}

function quoted(text: string, start: number, kind: TokenKind): Token {
  const quote = text.charAt(start);
  let close = text.indexOf(quote, start + 1);
  while (close !== -1 && text.charAt(close + 1) === quote) close = text.indexOf(quote, close + 2);
  return close === -1 ? { kind: 'illegal', start, end: text.length } : { kind, start, end: close + 1 };
}

function bracketed(text: string, start: number): Token {
  const close = text.indexOf(']', start);
  if (close === -1) return { kind: 'illegal', start, end: text.length };
  return { kind: 'quoted-name', start, end: close + 1 };
}

function blob(text: string, start: number): Token {
  const end = endOf(hexDigits, text, start + 2);
  if (text.charAt(end) === "'" && (end - start) % 2 === 0) return { kind: 'blob', start, end: end + 1 };
  const close = text.indexOf("'", end);
  return { kind: 'illegal', start, end: close === -1 ? text.length : close + 1 };
}

function lineComment(text: string, start: number): Token {
  const newline = text.indexOf('\n', start);
  return { kind: 'comment', start, end: newline === -1 ? text.length : newline };
}

function blockComment(text: string, start: number): Token {
  const close = text.indexOf('*/', start + 2);
  return { kind: 'comment', start, end: close === -1 ? text.length : close + 2 };
}

function operator(text: string, start: number): Token {
  const end = endOf(operators, text, start);
  return end > start ? { kind: 'operator', start, end } : { kind: 'illegal', start, end: start + 1 };
}

/** Returns the end of the match of a sticky pattern at `from`; `from` itself if it does not match. */
function endOf(pattern: RegExp, text: string, from: number): number {
  pattern.lastIndex = from;
  return pattern.test(text) ? pattern.lastIndex : from;
}

function isDigit(character: string): boolean {
  return character >= '0' && character <= '9';
}
