/** Reads the operands of ATTACH, DETACH and VACUUM INTO: the files that a text attaches, detaches or writes. */
import type { Operand, Refused, WrittenAttach, WrittenCopy } from './decision';
import { foldCase, isKeyword, isText, nameOf } from './names';
import type { Statement } from './statements';
import type { Token } from './tokenizer';

/** Reads the ATTACH statement whose keyword is `tokens[at]`: `ATTACH [DATABASE] file AS name [KEY key]`. */
export function readAttach(sql: string, tokens: Statement, at: number): WrittenAttach | Refused {
  const from = isKeyword(sql, tokens[at + 1], 'database') ? at + 2 : at + 1;
  const end = endOf(tokens, from);
  const as = findKeyword(sql, tokens, 'as', from + 1, end);
  // The token after AS begins the name, even if it is `key`.
  const key = as === -1 ? -1 : findKeyword(sql, tokens, 'key', as + 2, end);
  const file = as === -1 ? null : operand(sql, tokens, from, as);
  const schema = as === -1 ? null : operand(sql, tokens, as + 1, key === -1 ? end : key);
  const keyOperand = key === -1 ? null : operand(sql, tokens, key + 1, end);
  if (file === null || schema === null || (key !== -1 && keyOperand === null)) {
    return unreadable(sql, 'ATTACH', tokens[at], 'Use `db.attach(file, name)`: it takes any strings.');
  }
  return { file, schema, key: keyOperand };
}

/** Reads the DETACH statement whose keyword is `tokens[at]` and returns the name of the schema. */
export function readDetach(sql: string, tokens: Statement, at: number): Operand | Refused {
  const next = isKeyword(sql, tokens[at + 1], 'database') && !isEnd(tokens[at + 2]) ? at + 2 : at + 1;
  const schema = operand(sql, tokens, next, endOf(tokens, next));
  return schema ?? unreadable(sql, 'DETACH', tokens[at], 'Use `db.detach(name)`: it takes any string.');
}

/**
 * Reads the VACUUM statement whose keyword is `tokens[at]` and returns the destination of its copy; `null` without
 * INTO.
 */
export function readVacuumInto(sql: string, tokens: Statement, at: number): WrittenCopy | Refused | null {
  const into = [at + 1, at + 2].find(each => isKeyword(sql, tokens[each], 'into'));
  if (into === undefined) return null;
  const file = operand(sql, tokens, into + 1, endOf(tokens, into + 1));
  if (file === null) return unreadable(sql, 'VACUUM INTO', tokens[at], 'Use `db.backup(file)`.');
  const schema = into === at + 1 ? null : textOf(sql, tokens[at + 1]);
  return { file, schema };
}

/** These words are values, not names: SQLite would attach what they evaluate to. */
const valueWords = new Set(['null', 'current_date', 'current_time', 'current_timestamp']);

/**
 * A single token that stands for its own text: ATTACH and DETACH accept a name as a string (attach.c,
 * `resolveAttachExpr`).
 */
function isLiteral(sql: string, token: Token | undefined): token is Token {
  if (token === undefined) return false;
  if (token.kind === 'word') return !valueWords.has(foldCase(textOf(sql, token)));
  return token.kind === 'string' || token.kind === 'quoted-name';
}

/**
 * Returns the expression in `tokens[from]` to `tokens[to - 1]`; `null` if it is not one, or its parentheses do not
 * match.
 */
function operand(sql: string, tokens: Statement, from: number, to: number): Operand | null {
  const parts = withoutParentheses(sql, tokens.slice(from, to));
  if (parts === null || parts.length === 0) return null;
  const [only] = parts;
  if (parts.length === 1 && isLiteral(sql, only)) {
    const literal = nameOf(sql, only);
    const text = quotedText(literal);
    return { sql: text, unbound: text, literal };
  }
  const texts = parts.map(token => textOf(sql, token));
  const unbound = parts.map(token => (token.kind === 'variable' ? 'NULL' : textOf(sql, token)));
  return { sql: texts.join(' '), unbound: unbound.join(' '), literal: null };
}

/** Strips pairs of parentheses that enclose all tokens; `null` if the parentheses do not match. */
function withoutParentheses(sql: string, tokens: readonly Token[]): readonly Token[] | null {
  let depth = 0;
  let enclosed = true;
  for (const [index, token] of tokens.entries()) {
    if (token.kind === 'illegal') return null;
    if (isText(sql, token, '(')) depth += 1;
    if (isText(sql, token, ')')) depth -= 1;
    if (depth < 0) return null;
    if (depth === 0 && index < tokens.length - 1) enclosed = false;
  }
  if (depth !== 0) return null;
  return enclosed && tokens.length > 2 ? withoutParentheses(sql, tokens.slice(1, -1)) : tokens;
}

/** Finds the bare word `keyword` outside parentheses, between `from` and `end`; -1 if it is absent. */
function findKeyword(sql: string, tokens: Statement, keyword: string, from: number, end: number): number {
  let depth = 0;
  for (let at = from - 1; at < end; at += 1) {
    const token = tokens[at];
    if (isText(sql, token, '(')) depth += 1;
    if (isText(sql, token, ')')) depth -= 1;
    if (at >= from && depth === 0 && isKeyword(sql, token, keyword)) return at;
  }
  return -1;
}

function endOf(tokens: Statement, from: number): number {
  for (let at = from; at < tokens.length; at += 1) if (isEnd(tokens[at])) return at;
  return tokens.length;
}

function isEnd(token: Token | undefined): boolean {
  return token === undefined || token.kind === 'semicolon';
}

function textOf(sql: string, token: Token | undefined): string {
  return token === undefined ? '' : sql.slice(token.start, token.end);
}

/** A string literal of SQL. */
function quotedText(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

/** For a statement that SQLite itself should reject: it runs only if SQLite cannot parse it either. */
function unreadable(sql: string, statement: Refused['statement'], token: Token | undefined, instead: string): Refused {
  return {
    verdict: 'refused',
    statement,
    token: textOf(sql, token),
    position: token?.start ?? 0,
    reason: `this library cannot read the operands of this ${statement}, so it cannot judge the file that it names`,
    instead,
    pragma: null,
  };
}
