/** Parses one PRAGMA statement as SQLite's grammar does, and judges it by the table of rules. */
import type { GuardContext, Refused, WeakerPragma, WrittenPragma } from './decision';
import { foldCase, isText, nameOf } from './names';
import { pragmaRules, unknownPragma, type PragmaRule } from './pragma-rules';
import type { Statement } from './statements';
import type { Token } from './tokenizer';

/** A part of the text that is rewritten for SQLite. */
export interface Edit {
  readonly start: number;
  readonly end: number;
  readonly replacement: string;
}

type PragmaJudgement =
  | { readonly verdict: 'ordinary' }
  | {
      readonly verdict: 'watched';
      readonly pragma: WrittenPragma;
      readonly weaker: WeakerPragma | null;
      readonly edit: Edit | null;
    }
  | Refused;

/** Judges the PRAGMA statement whose keyword is `tokens[at]`; `null` if no name follows, which SQLite cannot run. */
export function judgePragma(sql: string, tokens: Statement, at: number, context: GuardContext): PragmaJudgement | null {
  const read = readPragma(sql, tokens, at);
  if (read === null) return null;
  const { pragma, nameToken, written } = read;
  const rule = pragmaRules.get(foldCase(pragma.name)) ?? unknownPragma;
  const watched = { verdict: 'watched', pragma, weaker: null, edit: null } as const;
  if (rule.kind === 'noted') return watched;
  if (written === null || rule.kind === 'free' || isHarmlessThere(rule, pragma, context))
    return { verdict: 'ordinary' };
  const objection = rule.objection(foldCase(written.value), context);
  if (objection === null) return watched;
  const { reason, instead } = objection;
  if (context.weakerPragmas === 'keep' && rule.weaker !== 'refused') {
    // A value that SQLite cannot parse stays as written: SQLite rejects it.
    if (!isValue(written.token)) return watched;
    const weaker: WeakerPragma = { pragma, outcome: rule.weaker, reason, instead };
    return { ...watched, weaker, edit: rule.weaker === 'granted' ? null : keepingEdit(sql, rule, written, context) };
  }
  return {
    verdict: 'refused',
    statement: 'PRAGMA',
    token: sql.slice(nameToken.start, nameToken.end),
    position: nameToken.start,
    reason,
    instead,
    pragma,
  };
}

/** Reads the PRAGMA statement whose keyword is `tokens[at]`; `null` if no name follows. */
export function readPragma(
  sql: string,
  tokens: Statement,
  at: number,
): { readonly pragma: WrittenPragma; readonly nameToken: Token; readonly written: WrittenValue | null } | null {
  const first = tokens[at + 1];
  if (first === undefined) return null;
  const prefixed = isText(sql, tokens[at + 2], '.');
  const nameToken = prefixed ? tokens[at + 3] : first;
  if (nameToken === undefined) return null;
  const schema = prefixed ? nameOf(sql, first) : null;
  const written = valueAt(sql, tokens, at + (prefixed ? 4 : 2));
  const pragma = { schema, name: nameOf(sql, nameToken), value: written?.value ?? null };
  return { pragma, nameToken, written };
}

/** The value of a pragma with its tokens. */
interface WrittenValue {
  readonly value: string;
  readonly token: Token;
  readonly sign: Token | null;
  /** From `=` or `(` to the end of the value, with the `)` if there is one. */
  readonly assignment: { readonly start: number; readonly end: number };
}

/**
 * Returns the value after the name: `= value` (also `==`, the same token to SQLite) or `(value)`, with a sign before a
 * number. Text after the value does not matter: SQLite acts on most pragmas before it reads on.
 */
function valueAt(sql: string, tokens: Statement, at: number): WrittenValue | null {
  const opening = tokens[at];
  if (opening === undefined) return null;
  const bracketed = isText(sql, opening, '(');
  if (!bracketed && !isText(sql, opening, '=') && !isText(sql, opening, '==')) return null;
  const negative = isText(sql, tokens[at + 1], '-');
  const signed = negative || isText(sql, tokens[at + 1], '+');
  const token = tokens[signed ? at + 2 : at + 1];
  if (token === undefined) return null;
  const closing = tokens[signed ? at + 3 : at + 2];
  const end = bracketed && closing !== undefined && isText(sql, closing, ')') ? closing.end : token.end;
  return {
    value: (negative ? '-' : '') + nameOf(sql, token),
    token,
    sign: signed ? (tokens[at + 1] ?? null) : null,
    assignment: { start: opening.start, end },
  };
}

/** True if SQLite's grammar accepts the token as the value of a pragma (parse.y: `nmnum`). */
function isValue({ kind }: Token): boolean {
  return kind === 'word' || kind === 'string' || kind === 'quoted-name' || kind === 'number';
}

/** Returns the edit with which the pragma keeps the protection and answers with the value in force. */
function keepingEdit(
  sql: string,
  rule: PragmaRule,
  { token, sign, assignment }: WrittenValue,
  context: GuardContext,
): Edit {
  const stays = rule.stays(context);
  // A word after it must not merge with the inserted text.
  const gap = /[\w$\u0080-\uffff]/.test(sql.charAt(stays === null ? assignment.end : token.end)) ? ' ' : '';
  if (stays === null) return { ...assignment, replacement: gap };
  // A sign before a word stays: SQLite rejects it.
  const start = token.kind === 'number' && sign !== null ? sign.start : token.start;
  return { start, end: token.end, replacement: stays + gap };
}

function isHarmlessThere(rule: PragmaRule, pragma: WrittenPragma, context: GuardContext): boolean {
  if (rule.onlyFiles && context.storage === 'memory') return true;
  return rule.scope === 'schema' && pragma.schema !== null && foldCase(pragma.schema) === 'temp';
}
