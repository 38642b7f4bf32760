/** Decides about an SQL text before SQLite gets it: ordinary, watched (possibly rewritten), or refused. */
import { UnsafeStatementError } from '../errors/refusals';
import { readAttach, readDetach, readVacuumInto } from './attach';
import type {
  GuardContext,
  GuardDecision,
  Operand,
  Refused,
  WeakerPragma,
  WrittenAttach,
  WrittenCopy,
  WrittenPragma,
} from './decision';
import { foldCase } from './names';
import { judgePragma, type Edit } from './pragma';
import { kindAt, type StatementKind } from './statement-kind';
import { headOf, statementsOf, type Statement } from './statements';

export type { GuardContext, GuardDecision } from './decision';

/**
 * Ordinary SQL contains none of these words, and pays for this test only. A keyword cannot touch another letter, digit
 * or underscore; a text with one of them in a string, a comment or a name is parsed below.
 */
const guardedWords = /\b(?:pragma|attach|detach|vacuum)\b/i;

const ordinary: GuardDecision = Object.freeze({ verdict: 'ordinary' });

/** Judges `sql`, which must be the whole text that SQLite gets: `PRAGMA …` of `pragma()`, `EXPLAIN …` of `explain()`. */
export function inspectSql(sql: string, context: GuardContext): GuardDecision {
  return guardedWords.test(sql) ? inspectStatements(sql, context) : ordinary;
}

/** The findings in the statements so far. */
interface Findings {
  readonly pragmas: WrittenPragma[];
  readonly weaker: WeakerPragma[];
  readonly attaches: WrittenAttach[];
  readonly detaches: Operand[];
  readonly copies: WrittenCopy[];
  readonly edits: Edit[];
}

function inspectStatements(sql: string, context: GuardContext): GuardDecision {
  const findings: Findings = { pragmas: [], weaker: [], attaches: [], detaches: [], copies: [], edits: [] };
  for (const statement of statementsOf(sql)) {
    const refused = inspectStatement(sql, statement, context, findings);
    if (refused !== null) return refused;
  }
  const { edits, ...found } = findings;
  const { pragmas, attaches, detaches, copies } = found;
  if (pragmas.length + attaches.length + detaches.length + copies.length === 0) return ordinary;
  return { verdict: 'watched', text: edited(sql, edits), ...found };
}

/** Applies `edits`, which are in the order of the text, to `sql`. */
function edited(sql: string, edits: readonly Edit[]): string {
  let text = '';
  let from = 0;
  for (const { start, end, replacement } of edits) {
    text += sql.slice(from, start) + replacement;
    from = end;
  }
  return text + sql.slice(from);
}

/**
 * A statement has one head; CREATE TRIGGER has one more for each statement of its body. SQLite allows no pragma in a
 * body; it is examined anyway, so nothing depends on where this code ends the trigger.
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
    case 'attach': {
      const attach = readAttach(sql, statement, at);
      if ('verdict' in attach) return attach;
      findings.attaches.push(attach);
      return null;
    }
    case 'detach': {
      const detach = readDetach(sql, statement, at);
      if ('verdict' in detach) return detach;
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

/** A pragma under EXPLAIN is not skipped: most pragmas act while they are prepared. */
function inspectPragma(
  sql: string,
  statement: Statement,
  at: number,
  context: GuardContext,
  findings: Findings,
): Refused | null {
  const judgement = judgePragma(sql, statement, at, context);
  if (judgement === null || judgement.verdict === 'ordinary') return null;
  if (judgement.verdict === 'refused') return judgement;
  findings.pragmas.push(judgement.pragma);
  if (judgement.weaker !== null) findings.weaker.push(judgement.weaker);
  if (judgement.edit !== null) findings.edits.push(judgement.edit);
  return null;
}

/** Returns the beginning of the next statement of the body. */
function behindSemicolon(statement: Statement, from: number): number {
  for (let at = from; at < statement.length; at += 1) if (statement[at]?.kind === 'semicolon') return at + 1;
  return statement.length;
}

/** A part of a text; a `guarded` one runs alone. */
export interface Piece {
  readonly text: string;
  readonly guarded: boolean;
}

/**
 * Splits `sql` to isolate each PRAGMA, ATTACH, DETACH and VACUUM: their changes are judged and corrected before the
 * next statements run. The concatenated pieces are the text.
 */
export function* guardedPieces(sql: string): Generator<Piece, void> {
  let from = 0;
  let end = 0;
  for (const statement of statementsOf(sql)) {
    const before = end;
    const last = statement.at(-1);
    // Without a semicolon it is the last one, and only its beginning was kept.
    end = last?.kind === 'semicolon' ? last.end : sql.length;
    const { at, explained } = headOf(sql, statement);
    if (!guardedKinds.has(kindAt(sql, statement, at, explained))) continue;
    if (before > from) yield { text: sql.slice(from, before), guarded: false };
    yield { text: sql.slice(before, end), guarded: true };
    from = end;
  }
  if (from < sql.length) yield { text: sql.slice(from), guarded: false };
}

const guardedKinds: ReadonlySet<StatementKind> = new Set([
  'checkpoint',
  'pragma-read',
  'pragma-write',
  'attach',
  'detach',
  'vacuum-into',
]);

/** Longest part of the text that an error quotes, in UTF-16 code units: enough to find it without dumping data. */
const longestQuote = 60;

/** Builds the error for a refused text. It quotes only the token and the pragma. */
export function refuse(decision: Refused, sql: string): UnsafeStatementError {
  const { statement, position, reason, instead, pragma } = decision;
  const line = lineAt(sql, position);
  const column = position - (position === 0 ? -1 : sql.lastIndexOf('\n', position - 1));
  const token = shorten(decision.token);
  const what = pragma === null ? `${statement} (\`${token}\`)` : `\`${shownPragma(pragma)}\``;
  return new UnsafeStatementError(`Refused ${what} at line ${line}, column ${column} of the SQL text: ${reason}.`, {
    hint: instead,
    details: { token, position, line, column, ...(pragma === null ? {} : { pragma: shortPragma(pragma) }) },
  });
}

/** The pragma in the form of `details`. */
export function shortPragma({ schema, name, value }: WrittenPragma): WrittenPragma {
  return {
    schema: schema === null ? null : shorten(schema),
    name: shorten(name),
    value: value === null ? null : shorten(value),
  };
}

/** Counts without copying: the text may be of any length. */
function lineAt(sql: string, position: number): number {
  let line = 1;
  for (let at = sql.indexOf('\n'); at !== -1 && at < position; at = sql.indexOf('\n', at + 1)) line += 1;
  return line;
}

/** The pragma in the form of messages. */
export function shownPragma({ schema, name, value }: WrittenPragma): string {
  return shorten(`PRAGMA ${schema === null ? '' : `${schema}.`}${foldCase(name)} = ${value ?? ''}`);
}

function shorten(text: string): string {
  return text.length <= longestQuote ? text : `${text.slice(0, longestQuote)}…`;
}
