/** Finds transactions and iterators that stay open: each pins the WAL, which cannot be reset meanwhile. */
import type { Connection } from '../connection/connection';
import type { OpenIterator } from '../connection/session';
import { announce } from './report';
import type { FileUser } from './file-user';

/**
 * Milliseconds. No single piece of synchronous work keeps one open this long; the first checkpoint that it blocks comes
 * later.
 */
const longMs = 10_000;
/** Milliseconds between two reports of one, at most; reports come at 10 s, 20 s, 40 s and so on. */
const longestGapMs = 300_000;

interface Seen {
  /** Ended transactions of the connection when it was first seen; a higher count means that another one is open. */
  readonly ended: number;
  /** Milliseconds: when it was first seen, and the age of its next report. */
  readonly since: number;
  readonly reportAt: number;
}

const transactions = new WeakMap<Connection, Seen>();
const iterators = new WeakMap<OpenIterator, number>();

/**
 * Reports transactions and iterators that are open too long on any of the connections.
 *
 * A transaction that one JavaScript call opens and ends is never seen between two turns of the event loop; any that is
 * seen was begun by hand.
 */
export function findLongTransactions(users: Iterable<FileUser>, now: number): void {
  for (const user of users) {
    // An attached schema belongs to a connection that is checked through its main file.
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
