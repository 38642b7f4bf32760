/** Warns of a database with a rollback journal that several threads of this process have open. */
import type { EventHub } from '../events/event-hub';
import { filesOfOtherThreads } from '../registry/thread-table';

/**
 * With WAL every connection keeps a lock, and SQLite never closes a descriptor while this process has one. With a rollback
 * journal it has none between two transactions, and a connection that one thread closes can take away the locks that
 * another one takes at that moment (docs/decisions/0006).
 */
export function warnOfThreads(
  hub: EventHub,
  { key, file, journalMode }: { readonly key: string; readonly file: string; readonly journalMode: string },
): void {
  if (journalMode === 'wal') return;
  const threads = filesOfOtherThreads().filter(other => other.key === key);
  const [first] = threads;
  // The second thread says it, and so it is said once.
  if (first === undefined || threads.length > 1) return;
  // Not before the caller had the chance to listen.
  queueMicrotask(() =>
    hub.publish('warning', {
      code: 'rollback-journal-in-several-threads',
      message:
        `${file} has a rollback journal and is open in several threads of this process: a connection that one of them ` +
        'closes can take the locks of the others away. Use WAL, or open it in one thread only.',
      details: { file, journalMode, otherThread: first.thread },
    }),
  );
}
