/** Writes an error of the library for somebody at a terminal: what happened, what to do, and where to read on. */
import { shellWord, visible } from '../base/terminal-text';
import { errorCode, errorMessage, memberOf, textOf } from '../base/foreign-error';
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

/** `verdict`: of the database that the command was about, which knows better what to do than the error of SQLite. */
export function describeError(error: unknown, file: string | null, verdict: Verdict | null): string {
  const code = errorCode(error);
  const lines = [visible(errorMessage(error))];
  const ofDatabase = verdict?.alarming === true ? verdict.finding : null;
  const reason = ofDatabase ?? (verdict === null ? null : obstacleOf(verdict.diagnosis.findings));
  // SQLite has one sentence for many obstacles, and the doctor names the one that is there.
  const hint = reason === null || isOfDestination(error) ? hintOf(error) : null;
  if (hint !== null) lines.push(wrap(hint));
  if (code !== null) lines.push(`(${code})`);
  if (file !== null && verdict !== null && reason !== null) {
    lines.push('', ...describeFinding(file, reason, verdict.diagnosis));
  } else if (isBusy(error) && file !== null) lines.push(nextLine(`npx safe-sqlite doctor ${shellWord(file)}`));
  else if (explains(code)) lines.push(nextLine(`npx safe-sqlite explain ${code}`));
  return `${lines.join('\n')}\n`;
}

/** The verdict is about the source, and says nothing about the place that is written to. */
function isOfDestination(error: unknown): boolean {
  const step = textOf(memberOf(error, 'details'), 'step');
  return step === 'destination' || step === 'target' || step === 'temporary' || step === 'transfer';
}

/** The error, or the fault behind it, is a lock that another program holds. */
export function isBusy(error: unknown): boolean {
  return [error, memberOf(error, 'cause')].some(each => errorCode(each) === 'SQLITE_BUSY');
}

/** The hints speak to the program that has the database open; this one speaks to somebody at a terminal. */
function hintOf(error: unknown): string | null {
  if (isBusy(error)) return 'Another program has the database locked right now. Try again; the doctor says which one.';
  const hint = textOf(error, 'hint');
  return hint === null ? null : forTerminal(hint);
}
