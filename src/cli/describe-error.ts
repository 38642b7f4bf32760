/** Writes an error of the library for a person at a terminal: what happened, what to do, and where to read on. */
import { fileCommands } from '../base/file-commands';
import { shellWord, visible } from '../base/terminal-text';
import { errorCode, errorMessage, memberOf, textOf } from '../base/foreign-error';
import type { Finding } from '../doctor/diagnosis';
import { explains } from './explain';
import { obstacleOf } from '../doctor/judge/verdict';
import { forTerminal, wrap } from './text';
import { describeFinding, nextFor, nextLine, type Verdict } from './verdict';

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
  const reason = reasonOf(error, verdict);
  // SQLite has one message for many obstacles, and the doctor names the actual one.
  const hint = reason === null || isOfDestination(error) ? hintOf(error) : null;
  if (hint !== null) lines.push(wrap(hint));
  if (code !== null) lines.push(`(${code})`);
  if (file !== null && verdict !== null && reason !== null) {
    lines.push('', ...describeFinding(file, reason, verdict.diagnosis));
  } else {
    const next = nextAfter(error, file, verdict);
    if (next !== null) lines.push(nextLine(next));
  }
  return `${lines.join('\n')}\n`;
}

/** The one command to run after this error: the last line of its description, and `next` in JSON. */
export function nextAfter(error: unknown, file: string | null, verdict: Verdict | null): string | null {
  const reason = reasonOf(error, verdict);
  if (file !== null && verdict !== null && reason !== null) return nextFor(file, reason, verdict.diagnosis);
  const details = memberOf(error, 'details');
  const inUse = textOf(details, 'inUse');
  if (inUse !== null) return `npx safe-sqlite doctor ${shellWord(inUse)}`;
  const folder = textOf(details, 'folder');
  if (textOf(details, 'step') === 'room' && folder !== null) return fileCommands.freeSpace(folder);
  if (isBusy(error) && file !== null) return `npx safe-sqlite doctor ${shellWord(file)}`;
  const code = errorCode(error);
  return explains(code) ? `npx safe-sqlite explain ${code}` : null;
}

/** The finding that explains the error; `null` if the error explains itself. */
function reasonOf(error: unknown, verdict: Verdict | null): Finding | null {
  const ofDatabase = verdict?.alarming === true ? verdict.finding : null;
  const { findings = [] } = verdict?.diagnosis ?? {};
  return ofDatabase ?? obstacleOf(findings) ?? findingBehind(error, findings);
}

/** A failed read of SQLite, and the warning of the doctor that is its cause. */
const causes: ReadonlyMap<string, string> = new Map([['SQLITE_READONLY_ROLLBACK', 'hot-journal']]);

function findingBehind(error: unknown, findings: readonly Finding[]): Finding | null {
  const codes = [error, memberOf(error, 'cause')].map(each => causes.get(errorCode(each) ?? ''));
  return findings.find(({ code }) => codes.includes(code)) ?? null;
}

/** The verdict is about the source, and not about the destination or its disk. */
function isOfDestination(error: unknown): boolean {
  const step = textOf(memberOf(error, 'details'), 'step');
  return step === 'destination' || step === 'target' || step === 'temporary' || step === 'transfer' || step === 'room';
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
