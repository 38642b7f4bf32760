/** Finds transactions and iterators that stay open: each pins the WAL, which cannot start over behind it. */
import type { Connection } from '../connection/connection';
import type { OpenIterator } from '../connection/session';
import { announce } from './report';
import type { FileUser } from './file-user';

/** ms. Nothing that a program does in one go is open for this long; the first checkpoint that it blocks comes later. */
const longMs = 10_000;
/** ms between two reports of one, at most; they come at 10 s, 20 s, 40 s and so on. */
const longestGapMs = 300_000;

interface Seen {
  /** Transactions of the connection that had ended: with more of them by now, the open one is another. */
  readonly ended: number;
  /** When it was first seen, and at which age it is reported next. ms. */
  readonly since: number;
  readonly reportAt: number;
}

const transactions = new WeakMap<Connection, Seen>();
const iterators = new WeakMap<OpenIterator, number>();

/**
 * Reports what is open too long on any of the connections.
 *
 * A transaction that one call of JavaScript opens and ends is never seen between two turns of the event loop, so what
 * is seen at a look was begun by hand.
 */
export function findLongTransactions(users: Iterable<FileUser>, now: number): void {
  for (const user of users) {
    // An attached schema belongs to a connection that is looked at with its main file.
    if (user.schema !== 'main' || !user.connection.native.open) continue;
    for (const iterator of user.connection.openIterators()) reportIterator(user, iterator, now);
    reportTransaction(user, now);
  }
}

function reportIterator(user: FileUser, iterator: OpenIterator, now: number): void {
  const ageMs = now - iterator.openedAt;
  if (ageMs < (iterators.get(iterator) ?? longMs)) return;
  iterators.set(iterator, nextReport(ageMs));
  announce([user], 'longTransaction', { kind: 'iterator', ageMs, sql: iterator.statement.source });
}

function reportTransaction(user: FileUser, now: number): void {
  const { connection } = user;
  if (!connection.native.inTransaction) {
    transactions.delete(connection);
    return;
  }
  const { ended } = connection.commitHooks;
  const known = transactions.get(connection);
  const seen = known?.ended === ended ? known : { ended, since: now, reportAt: longMs };
  const ageMs = now - seen.since;
  if (ageMs < seen.reportAt) {
    transactions.set(connection, seen);
    return;
  }
  transactions.set(connection, { ...seen, reportAt: nextReport(ageMs) });
  announce([user], 'longTransaction', { kind: 'transaction', ageMs, sql: connection.commitHooks.open?.sql ?? null });
}

function nextReport(ageMs: number): number {
  return ageMs + Math.min(ageMs, longestGapMs);
}
