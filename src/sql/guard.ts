/** Decides about a text of SQL before SQLite sees it: ordinary, let through and watched, or refused. */
import { UnsafeStatementError } from '../errors/refusals';
import { readAttach, readDetach, readVacuumInto } from './attach';
import type { GuardContext, GuardDecision, Refused, WrittenAttach, WrittenCopy, WrittenPragma } from './decision';
import { foldCase } from './names';
import { judgePragma } from './pragma';
import { kindAt, type StatementKind } from './statement-kind';
import { headOf, statementsOf, type Statement } from './statements';

export type { GuardContext, GuardDecision } from './decision';

/**
 * Ordinary SQL has none of these words, and this test is all that it pays. A keyword cannot touch another letter, digit
 * or underscore; a text that has one in a string, a comment or a name is read properly below.
 */
const guardedWords = /\b(?:pragma|attach|detach|vacuum)\b/i;

const ordinary: GuardDecision = Object.freeze({ verdict: 'ordinary' });

/** Judges `sql`, which must be the whole text that SQLite gets: `PRAGMA …` of `pragma()`, `EXPLAIN …` of `explain()`. */
export function inspectSql(sql: string, context: GuardContext): GuardDecision {
  return guardedWords.test(sql) ? inspectStatements(sql, context) : ordinary;
}

/** What was found in the statements so far. */
interface Findings {
  readonly pragmas: WrittenPragma[];
  readonly attaches: WrittenAttach[];
  readonly detaches: string[];
  readonly copies: WrittenCopy[];
  /** A statement behind which the caller must act before anything else may write. */
  pending: Refused | null;
}

function inspectStatements(sql: string, context: GuardContext): GuardDecision {
  const findings: Findings = { pragmas: [], attaches: [], detaches: [], copies: [], pending: null };
  for (const statement of statementsOf(sql)) {
    if (findings.pending !== null && kindAt(sql, statement, headOf(sql, statement).at) !== 'attach') {
      return findings.pending;
    }
    const refused = inspectStatement(sql, statement, context, findings);
    if (refused !== null) return refused;
  }
  const { pragmas, attaches, detaches, copies } = findings;
  if (pragmas.length + attaches.length + detaches.length + copies.length === 0) return ordinary;
  return { verdict: 'watched', pragmas, attaches, detaches, copies };
}

/**
 * A statement has one head, and CREATE TRIGGER one more for each statement of its body. SQLite lets no pragma into a
 * body; it is examined all the same, so that nothing depends on where this code sees the trigger end.
 */
function inspectStatement(
  sql: string,
  statement: Statement,
  context: GuardContext,
  findings: Findings,
): Refused | null {
  for (let from = 0; from < statement.length; from = behindSemicolon(statement, from)) {
    const { at, explained } = headOf(sql, statement, from);
    const refused = inspectHead(sql, statement, { at, kind: kindAt(sql, statement, at, explained) }, context, findings);
    if (refused !== null) return refused;
  }
  return null;
}

interface Head {
  readonly at: number;
  readonly kind: StatementKind;
}

function inspectHead(
  sql: string,
  statement: Statement,
  { at, kind }: Head,
  context: GuardContext,
  findings: Findings,
): Refused | null {
  switch (kind) {
    case 'checkpoint':
    case 'pragma-read':
    case 'pragma-write':
      return inspectPragma(sql, statement, at, context, findings);
    case 'attach':
      return inspectAttach(sql, statement, at, findings);
    case 'detach': {
      const detach = readDetach(sql, statement, at);
      if (typeof detach !== 'string') return detach;
      findings.detaches.push(detach);
      return null;
    }
    case 'vacuum-into': {
      const copy = readVacuumInto(sql, statement, at);
      if (copy !== null && 'verdict' in copy) return copy;
      if (copy !== null) findings.copies.push(copy);
      return null;
    }
    case 'begin':
    case 'savepoint':
    case 'commit':
    case 'release':
    case 'rollback':
    case 'rollback-to':
    case 'other':
      return null;
  }
}

/** A pragma is not skipped under EXPLAIN: most pragmas act while they are prepared. */
function inspectPragma(
  sql: string,
  statement: Statement,
  at: number,
  context: GuardContext,
  findings: Findings,
): Refused | null {
  const judgement = judgePragma(sql, statement, at, context);
  if (judgement?.verdict === 'refused') return judgement;
  if (judgement?.verdict === 'watched') {
    findings.pragmas.push(judgement.pragma);
    findings.pending ??= pendingPragma(sql, statement, at, judgement.pragma, context);
  }
  return null;
}

function inspectAttach(sql: string, statement: Statement, at: number, findings: Findings): Refused | null {
  const attach = readAttach(sql, statement, at);
  if ('verdict' in attach) return attach;
  findings.attaches.push(attach);
  if (attach.file === '' || attach.file === ':memory:') return null; // No file, nothing to protect.
  findings.pending ??= {
    ...keywordAt(sql, statement, at),
    statement: 'ATTACH',
    reason: 'the statements behind it could write to the attached database before it is protected',
    instead: 'Run ATTACH alone, or as the last statement of the text.',
    pragma: null,
  };
  return null;
}

/** With a journal that is deleted, FULL leaves the folder unsynced at commit: EXTRA must be set before the next write. */
function pendingPragma(
  sql: string,
  statement: Statement,
  at: number,
  pragma: WrittenPragma,
  context: GuardContext,
): Refused | null {
  const deletes = foldCase(pragma.name) === 'journal_mode' && foldCase(pragma.value ?? '') === 'delete';
  if (!deletes || context.synchronous === 'extra') return null;
  return {
    ...keywordAt(sql, statement, at),
    statement: 'PRAGMA',
    reason: 'the statements behind it could commit before `synchronous` is raised to what this journal mode needs',
    instead: 'Run it alone, or as the last statement of the text.',
    pragma,
  };
}

function keywordAt(sql: string, statement: Statement, at: number): Pick<Refused, 'verdict' | 'token' | 'position'> {
  const start = statement[at]?.start ?? 0;
  return { verdict: 'refused', token: sql.slice(start, statement[at]?.end), position: start };
}

function behindSemicolon(statement: Statement, from: number): number {
  for (let at = from; at < statement.length; at++) if (statement[at]?.kind === 'semicolon') return at + 1;
  return statement.length;
}

/** Counts without a copy: the text may be of any length. */
function lineAt(sql: string, position: number): number {
  let line = 1;
  for (let at = sql.indexOf('\n'); at !== -1 && at < position; at = sql.indexOf('\n', at + 1)) line++;
  return line;
}

/** Longest piece of the text that an error quotes, in UTF-16 code units: enough to find it, and no dump of data. */
const longestQuote = 60;

/** The error for a refused text. It quotes nothing of the text but the token, and the pragma. */
export function refuse(decision: Refused, sql: string): UnsafeStatementError {
  const { statement, position, reason, instead, pragma } = decision;
  const line = lineAt(sql, position);
  const column = position - (position === 0 ? -1 : sql.lastIndexOf('\n', position - 1));
  const token = shorten(decision.token);
  const what = pragma === null ? `${statement} (\`${token}\`)` : `\`${shorten(written(pragma))}\``;
  return new UnsafeStatementError(`Refused ${what} at line ${line}, column ${column} of the SQL text: ${reason}.`, {
    hint: instead,
    details: { token, position, line, column, ...(pragma === null ? {} : { pragma: shortened(pragma) }) },
  });
}

function shortened({ schema, name, value }: WrittenPragma): WrittenPragma {
  return {
    schema: schema === null ? null : shorten(schema),
    name: shorten(name),
    value: value === null ? null : shorten(value),
  };
}

function written({ schema, name, value }: WrittenPragma): string {
  return `PRAGMA ${schema === null ? '' : `${schema}.`}${name} = ${value ?? ''}`;
}

function shorten(text: string): string {
  return text.length <= longestQuote ? text : `${text.slice(0, longestQuote)}…`;
}
