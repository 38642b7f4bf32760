/** Reads one PRAGMA statement as SQLite's grammar does, and judges it by the table of rules. */
import type { GuardContext, Refused, WrittenPragma } from './decision';
import { foldCase, isText, nameOf } from './names';
import { pragmaRules, unknownPragma, type PragmaRule } from './pragma-rules';
import type { Statement } from './statements';
import type { Token } from './tokenizer';

/** What is to be done about a pragma: nothing, read back afterwards, or refuse. */
type PragmaJudgement = { readonly verdict: 'ordinary' | 'watched'; readonly pragma: WrittenPragma } | Refused;

/** Judges the PRAGMA statement whose keyword is `tokens[at]`; `null` when no name follows, which SQLite cannot run. */
export function judgePragma(sql: string, tokens: Statement, at: number, context: GuardContext): PragmaJudgement | null {
  const read = readPragma(sql, tokens, at);
  if (read === null) return null;
  const { pragma, nameToken } = read;
  const rule = pragmaRules.get(foldCase(pragma.name)) ?? unknownPragma;
  if (rule.kind === 'noted') return { verdict: 'watched', pragma };
  if (pragma.value === null || rule.kind === 'free' || isHarmlessThere(rule, pragma, context)) {
    return { verdict: 'ordinary', pragma };
  }
  const objection = rule.objection(foldCase(pragma.value), context);
  if (objection === null) return { verdict: 'watched', pragma };
  return {
    verdict: 'refused',
    statement: 'PRAGMA',
    token: sql.slice(nameToken.start, nameToken.end),
    position: nameToken.start,
    reason: objection.reason,
    instead: objection.instead,
    pragma,
  };
}

/** Reads the PRAGMA statement whose keyword is `tokens[at]`; `null` when no name follows. */
export function readPragma(
  sql: string,
  tokens: Statement,
  at: number,
): { readonly pragma: WrittenPragma; readonly nameToken: Token } | null {
  const first = tokens[at + 1];
  if (first === undefined) return null;
  const prefixed = isText(sql, tokens[at + 2], '.');
  const nameToken = prefixed ? tokens[at + 3] : first;
  if (nameToken === undefined) return null;
  const schema = prefixed ? nameOf(sql, first) : null;
  const value = valueAt(sql, tokens, at + (prefixed ? 4 : 2));
  return { pragma: { schema, name: nameOf(sql, nameToken), value }, nameToken };
}

/**
 * The value behind the name: `= value` (also `==`, which is the same token to SQLite) or `(value)`, with a sign before
 * a number. What follows the value does not matter: SQLite acts on most pragmas before it reads on.
 */
function valueAt(sql: string, tokens: Statement, at: number): string | null {
  const opening = tokens[at];
  if (!isText(sql, opening, '=') && !isText(sql, opening, '==') && !isText(sql, opening, '(')) return null;
  const negative = isText(sql, tokens[at + 1], '-');
  const signed = negative || isText(sql, tokens[at + 1], '+');
  const value = tokens[signed ? at + 2 : at + 1];
  if (value === undefined) return null;
  return (negative ? '-' : '') + nameOf(sql, value);
}

function isHarmlessThere(rule: PragmaRule, pragma: WrittenPragma, context: GuardContext): boolean {
  if (rule.onlyFiles && context.storage === 'memory') return true;
  return rule.scope === 'schema' && pragma.schema !== null && foldCase(pragma.schema) === 'temp';
}
