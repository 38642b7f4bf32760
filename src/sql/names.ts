/** Reads names from tokens: removes quotes and folds case as SQLite does. */
import type { Token } from './tokenizer';

/** Returns the text of a token without its quotes (SQLite: `sqlite3Dequote`); an unquoted token is unchanged. */
export function nameOf(sql: string, token: Token): string {
  const text = sql.slice(token.start, token.end);
  if (token.kind !== 'string' && token.kind !== 'quoted-name') return text;
  const inner = text.slice(1, -1);
  const quote = text.charAt(0);
  return quote === '[' ? inner : inner.replaceAll(quote + quote, quote);
}

/** Lower-cases ASCII letters only: SQLite compares names this way, and `toLowerCase` would also change `K` (Kelvin). */
export function foldCase(name: string): string {
  return name.replace(/[A-Z]+/g, letters => letters.toLowerCase());
}

/** True for the bare word `keyword` (given in lower case); a quoted one is a name, never a keyword. */
export function isKeyword(sql: string, token: Token | undefined, keyword: string): boolean {
  return token !== undefined && token.kind === 'word' && foldCase(sql.slice(token.start, token.end)) === keyword;
}

/** True for the operator or other token spelt exactly `text`. */
export function isText(sql: string, token: Token | undefined, text: string): boolean {
  return token !== undefined && sql.slice(token.start, token.end) === text;
}
