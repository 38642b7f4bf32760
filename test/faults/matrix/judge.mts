/** Judges an outcome of the matrix: a pure decision with its reason. */
import type { PlainError } from '../../support/fault-scenario.mts';
import type { Cell } from './cells.mts';
import { incompleteCheckpoint } from './operations.mts';
import type { Outcome } from './run.mts';

export type Verdict =
  /** The operation did not reach the n-th call. */
  | 'not-reached'
  /** A promise is broken: an acknowledged transaction is lost, half there, or one is there that was denied. */
  | 'lost'
  /** The operation reported success although the fault kept it from what it promises. */
  | 'silent'
  /** After the fault is over the connection still does not work, and nothing said that it would not. */
  | 'stuck'
  /** This library let an error out that says nothing of its own: not translated, or not thrown by it. */
  | 'untyped'
  /** The operation threw, or an event told of the failure. */
  | 'reported'
  /** Success is the truth: SQLite did it by another way, or the fault does not matter. */
  | 'accepted';

export interface Judgement {
  readonly verdict: Verdict;
  readonly reason: string;
}

export function judge(outcome: Outcome): Judgement {
  const { cell, hits, followUp } = outcome;
  const error = outcome.error ?? outcome.told;
  if (hits === 0) return { verdict: 'not-reached', reason: 'the operation made fewer calls' };
  const [broken] = [...outcome.afterCrash, ...outcome.afterFollowUp, ...outcome.afterClose];
  if (broken !== undefined) return { verdict: 'lost', reason: broken };
  if (isReadOnly(outcome)) return { verdict: 'accepted', reason: readOnlyReason };
  const barred = [followUp.read, followUp.write].find(each => each !== null && each.code !== fencedCode);
  if (barred !== undefined && barred !== null)
    return error === null
      ? { verdict: 'silent', reason: `success was reported, and the next use met ${barred.code}` }
      : { verdict: 'stuck', reason: `the fault is over, and the next use met ${barred.code}` };
  if (error !== null && isUntyped(outcome.subject, error))
    return { verdict: 'untyped', reason: `${error.name}: ${error.message}` };
  if (error !== null) return { verdict: 'reported', reason: signature(error) };
  const excuse = excuses.find(({ holds }) => holds(cell, outcome.subject));
  return excuse === undefined
    ? { verdict: 'silent', reason: 'success was reported although the call failed' }
    : { verdict: 'accepted', reason: excuse.reason };
}

const fencedCode = 'SAFE_SQLITE_FENCED';

const readOnlyReason = 'a file that can only be opened for reading is opened so, and each write says SQLITE_READONLY';

function isReadOnly({ cell, error, followUp }: Outcome): boolean {
  return error === null && cell.call === 'open' && followUp.write?.code === 'SQLITE_READONLY';
}

/** Every error of this library has a hint; an incomplete checkpoint shows in its result, and the stage notes it. */
function isUntyped(subject: Outcome['subject'], error: PlainError): boolean {
  return subject === 'ours' && error.hint === undefined && error.code !== incompleteCheckpoint;
}

interface Excuse {
  readonly reason: string;
  readonly holds: (cell: Cell, subject: Outcome['subject']) => boolean;
}

/** When success is right although a call failed. */
const excuses: readonly Excuse[] = [
  { reason: 'a short read or write is continued where it stopped', holds: ({ fault }) => fault === 'short' },
  { reason: 'a descriptor that is closed has nothing left to write', holds: ({ call }) => call === 'close' },
  {
    reason: 'SQLite does not look at the sync of the folder in which it makes a journal or a WAL',
    holds: ({ call, target }) => target === 'folder' && (call === 'open' || call === 'dirsync'),
  },
  {
    reason: 'an older file at the destination that cannot be read or locked is replaced by the new copy',
    holds: ({ operation, call, target }, subject) =>
      subject === 'ours' && operation === 'backup' && target === 'copy' && (call === 'read' || call === 'lock'),
  },
  {
    reason: 'a lock that failed once is taken again',
    holds: ({ call, duration }) => call === 'lock' && duration === 'once',
  },
  {
    reason: 'a file that could not be opened once is opened again',
    holds: ({ call, duration }) => call === 'open' && duration === 'once',
  },
  {
    reason: 'an unlock that failed is made up for by the next one, or by the end of the descriptor',
    holds: ({ call }) => call === 'unlock',
  },
  {
    reason: 'with the super-journal gone the transaction is committed, and a journal that names it is not played back',
    holds: ({ operation, call, target }) =>
      operation === 'commit-both-journals' &&
      call === 'unlink' &&
      target.endsWith('journal') &&
      target !== 'super-journal',
  },
  {
    reason:
      'with the super-journal gone the transaction is committed, and the step back to a shared lock is made up for',
    holds: ({ operation, call }) => operation === 'commit-both-journals' && call === 'lock',
  },
  {
    reason: 'a close that cannot have the file alone leaves the WAL to the next open',
    holds: ({ operation, call }) => operation === 'close' && (call === 'lock' || call === 'getlk'),
  },
  {
    reason: 'a sidecar that cannot be deleted at close holds nothing that the database lacks',
    holds: ({ operation, call }) => operation === 'close' && call === 'unlink',
  },
];

/** Why an outcome can be accepted, for docs/faults.md. */
export const acceptedReasons: readonly string[] = [...excuses.map(({ reason }) => reason), readOnlyReason];

/**
 * Cells in which even this library stays stuck. The unlock of a byte range does not fail on a local filesystem; if it
 * did, SQLite would take its own lock for that of another process: every use waits ten seconds and says so, nothing is lost.
 */
export function isKnownLimit(cell: Cell): boolean {
  return cell.call === 'unlock' && cell.target.endsWith('shm');
}

/** What must not be: for raw the hazards that are shown, for ours a defect. */
export function isWrong(outcome: Outcome): boolean {
  return ['lost', 'silent', 'stuck', 'untyped'].includes(judge(outcome).verdict) && !isKnownLimit(outcome.cell);
}

/** An error in the words of the table: its code, and what it says of the transaction. */
export function signature(error: PlainError): string {
  const code = error.code ?? error.name;
  return error.commitOutcome === 'unknown' ? `${code} (outcome unknown)` : code;
}

function failureWords({ error, told }: Outcome): string {
  if (error !== null) return ` ${signature(error)}`;
  return told === null ? '' : ` event: ${signature(told)}`;
}

/** One outcome in the words of the table. */
export function summarize(outcome: Outcome): string {
  const { verdict } = judge(outcome);
  if (verdict === 'accepted') return isReadOnly(outcome) ? 'ok (read-only)' : 'ok';
  if (verdict === 'not-reached') return 'not reached';
  const thrown = failureWords(outcome);
  const fenced = outcome.followUp.write?.code === fencedCode ? ', fenced' : '';
  return verdict === 'reported' ? `${thrown.trim()}${fenced}` : `**${verdict}**${thrown}${fenced}`;
}
