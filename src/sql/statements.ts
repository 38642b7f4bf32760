/** Splits SQL text into the statements that SQLite would prepare one after the other. */
import { foldCase, isKeyword } from './names';
import { readableText, semicolonFrom, tokenAt, type Token } from './tokenizer';

/**
 * The first tokens of one statement without space and comments, and the semicolon that ends it.
 *
 * A text may be of any length, so only the tokens that the guard reads are kept: all tokens of PRAGMA, ATTACH, DETACH
 * and VACUUM up to a bound, the first ones of any other statement. Of the body of CREATE TRIGGER, only statements that
 * begin with one of these words are kept.
 */
export type Statement = readonly Token[];

/** Enough for every head: EXPLAIN QUERY PLAN CREATE TEMPORARY TRIGGER, ROLLBACK TRANSACTION name TO SAVEPOINT name. */
const keptTokens = 16;
/**
 * More than an operand of ATTACH ever needs. After the last one follows an illegal token, which makes the statement
 * unreadable.
 */
const keptGuardedTokens = 1000;
const guardedHeads: ReadonlySet<string> = new Set(['pragma', 'attach', 'detach', 'vacuum']);

/**
 * Yields the statements of `sql` lazily; semicolons with nothing between them are skipped.
 *
 * A semicolon ends a statement, except inside CREATE TRIGGER, which ends with the semicolon of the first `; END ;`.
 * (SQLite's grammar has a semicolon inside a statement nowhere else.) Time grows with the length of the text, memory
 * only with the kept tokens.
 */
export function* statementsOf(sql: string): Generator<Statement, void> {
  const text = readableText(sql);
  for (let at = 0; at < text.length;) {
    const { tokens, end } = statementFrom(text, at);
    if (tokens.length > 0) yield tokens;
    at = end;
  }
}

interface Piece {
  readonly tokens: Token[];
  /** Position after its semicolon, or the end of the text. */
  readonly end: number;
}

function statementFrom(text: string, start: number): Piece {
  const { tokens, end } = pieceFrom(text, start);
  if (!createsTrigger(text, tokens)) return { tokens, end };
  for (let at = end; at < text.length;) {
    const inner = pieceFrom(text, at);
    at = inner.end;
    if (inner.tokens.length === 2 && isKeyword(text, inner.tokens[0], 'end') && inner.tokens[1]?.kind === 'semicolon') {
      tokens.push(...inner.tokens);
      return { tokens, end: at };
    }
    if (hasGuardedHead(text, inner.tokens)) tokens.push(...inner.tokens);
  }
  return { tokens, end: text.length };
}

/** Returns the text from `start` up to the next semicolon. */
function pieceFrom(text: string, start: number): Piece {
  const tokens: Token[] = [];
  let kept = keptTokens;
  for (let at = start; at < text.length;) {
    if (tokens.length >= kept) {
      if (kept === keptTokens && hasGuardedHead(text, tokens)) {
        kept = keptGuardedTokens;
        continue;
      }
      if (kept === keptGuardedTokens) tokens.push({ kind: 'illegal', start: at, end: at });
      at = semicolonFrom(text, at);
      if (at < text.length) tokens.push({ kind: 'semicolon', start: at, end: at + 1 });
      return { tokens, end: Math.min(at + 1, text.length) };
    }
    const token = tokenAt(text, at);
    at = token.end;
    if (token.kind === 'space' || token.kind === 'comment') continue;
    if (token.kind === 'semicolon') {
      if (tokens.length > 0) tokens.push(token);
      return { tokens, end: at };
    }
    // Unreadable characters before a head are skipped; the first one represents them all.
    if (token.kind === 'illegal' && tokens.length === 1 && tokens[0]?.kind === 'illegal') continue;
    tokens.push(token);
  }
  return { tokens, end: text.length };
}

function hasGuardedHead(text: string, tokens: Statement): boolean {
  const head = tokens[headOf(text, tokens).at];
  return head?.kind === 'word' && guardedHeads.has(foldCase(text.slice(head.start, head.end)));
}

/**
 * Finds the first keyword of a statement in its tokens, and whether EXPLAIN precedes it.
 *
 * better-sqlite3 skips a vertical tab before a statement, which SQLite cannot parse. Every unreadable character is
 * skipped here: examining a text that cannot run is harmless.
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
