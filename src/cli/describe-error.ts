/** Writes an error of the library for a person at a terminal: what happened, what to do, and where to read on. */
import { shellWord, visible } from '../base/terminal-text';
import { errorCode, errorMessage, memberOf, textOf } from '../base/foreign-error';
import type { Finding } from '../doctor/diagnosis';
import { explains } from './explain';
import { obstacleOf } from '../doctor/judge/verdict';
import { forTerminal, wrap } from './text';
import { describeFinding, nextLine, type Verdict } from './verdict';

export function errorFacts(error: unknown): object {
  const details = memberOf(error, 'details');
  const cause = memberOf(error, 'cause');
  return {
    code: errorCode(error),
    message: errorMessage(error),
    hint: hintOf(error),
    details: details ?? {},
    cause: cause === undefined ? null : { code: errorCode(cause), message: errorMessage(cause) },
  };
}

/** `verdict`: of the database of the command, which gives better advice than the error of SQLite. */
export function describeError(error: unknown, file: string | null, verdict: Verdict | null): string {
  const code = errorCode(error);
  const lines = [visible(errorMessage(error))];
  const ofDatabase = verdict?.alarming === true ? verdict.finding : null;
  const { findings = [] } = verdict?.diagnosis ?? {};
  const reason = ofDatabase ?? obstacleOf(findings) ?? findingBehind(error, findings);
  // SQLite has one message for many obstacles, and the doctor names the actual one.
  const hint = reason === null || isOfDestination(error) ? hintOf(error) : null;
  if (hint !== null) lines.push(wrap(hint));
  if (code !== null) lines.push(`(${code})`);
  if (file !== null && verdict !== null && reason !== null) {
    lines.push('', ...describeFinding(file, reason, verdict.diagnosis));
  } else if (isBusy(error) && file !== null) lines.push(nextLine(`npx safe-sqlite doctor ${shellWord(file)}`));
  else if (explains(code)) lines.push(nextLine(`npx safe-sqlite explain ${code}`));
  return `${lines.join('\n')}\n`;
}

/** A failed read of SQLite, and the warning of the doctor that is its cause. */
const causes: ReadonlyMap<string, string> = new Map([['SQLITE_READONLY_ROLLBACK', 'hot-journal']]);

function findingBehind(error: unknown, findings: readonly Finding[]): Finding | null {
  const codes = [error, memberOf(error, 'cause')].map(each => causes.get(errorCode(each) ?? ''));
  return findings.find(({ code }) => codes.includes(code)) ?? null;
}

/** The verdict is about the source, and not about the destination. */
function isOfDestination(error: unknown): boolean {
  const step = textOf(memberOf(error, 'details'), 'step');
  return step === 'destination' || step === 'target' || step === 'temporary' || step === 'transfer';
}

/** True if the error, or its cause, is a lock that another program holds. */
export function isBusy(error: unknown): boolean {
  return [error, memberOf(error, 'cause')].some(each => errorCode(each) === 'SQLITE_BUSY');
}

/** The hints address the program that has the database open; this one addresses a person at a terminal. */
function hintOf(error: unknown): string | null {
  if (isBusy(error))
    return 'Another program currently holds a lock on the database. Try again; the doctor names the program.';
  const hint = textOf(error, 'hint');
  return hint === null ? null : forTerminal(hint);
}
