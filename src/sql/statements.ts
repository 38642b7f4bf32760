/** Splits SQL text into the statements that SQLite would prepare one after the other. */
import { isKeyword } from './names';
import { tokensOf, type Token } from './tokenizer';

/** The tokens of one statement without space and comments, with the semicolon that ends it. */
export type Statement = readonly Token[];

/**
 * The statements of `sql`, one after the other as they are asked for; semicolons with nothing between them are none.
 *
 * A semicolon ends a statement, except inside CREATE TRIGGER: that ends with the semicolon of the first `; END ;`.
 * (SQLite's grammar has a semicolon inside a statement nowhere else.)
 */
export function* statementsOf(sql: string): Generator<Statement, void> {
  let statement: Token[] = [];
  for (const token of tokensOf(sql)) {
    if (token.kind === 'space' || token.kind === 'comment') continue;
    if (token.kind === 'semicolon' && statement.length === 0) continue;
    statement.push(token);
    if (token.kind === 'semicolon' && (!createsTrigger(sql, statement) || closesTrigger(sql, statement))) {
      yield statement;
      statement = [];
    }
  }
  if (statement.length > 0) yield statement;
}

/** All of `statementsOf`. */
export function splitStatements(sql: string): Statement[] {
  return [...statementsOf(sql)];
}

/**
 * Where the first keyword of a statement stands in its tokens, and whether EXPLAIN stands before it.
 *
 * better-sqlite3 skips a vertical tab before a statement, which SQLite cannot read. Every unreadable character is
 * skipped here: a text that cannot run may be examined as if it could.
 */
export function headOf(sql: string, tokens: Statement, from = 0): { at: number; explained: boolean } {
  let at = from;
  while (tokens[at]?.kind === 'illegal') at++;
  if (!isKeyword(sql, tokens[at], 'explain')) return { at, explained: false };
  at++;
  if (isKeyword(sql, tokens[at], 'query') && isKeyword(sql, tokens[at + 1], 'plan')) at += 2;
  return { at, explained: true };
}

function createsTrigger(sql: string, tokens: Statement): boolean {
  const { at } = headOf(sql, tokens);
  if (!isKeyword(sql, tokens[at], 'create')) return false;
  const second = tokens[at + 1];
  if (isKeyword(sql, second, 'temp') || isKeyword(sql, second, 'temporary')) {
    return isKeyword(sql, tokens[at + 2], 'trigger');
  }
  return isKeyword(sql, second, 'trigger');
}

/** True when the tokens end with `; END ;`. */
function closesTrigger(sql: string, tokens: Statement): boolean {
  return tokens.at(-3)?.kind === 'semicolon' && isKeyword(sql, tokens.at(-2), 'end');
}
