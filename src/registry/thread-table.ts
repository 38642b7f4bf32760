/**
 * Shares the list of open files between the threads of this process. For workers that a table does not reach, `/proc`
 * is asked.
 */
import { threadId } from 'node:worker_threads';
import { processGlobal } from '../base/process-global';
import { SharedTable } from '../base/shared-table';

/** A thread's entry for one file. */
export interface SharedFile {
  readonly key: string;
  readonly file: string;
  /** Device and inode in decimal, for JSON; null while the file does not exist. */
  readonly identity: { readonly dev: string; readonly ino: string } | null;
  readonly copyId: string;
  readonly library: string;
  readonly aliases: readonly string[];
}

export interface OtherThreadsFile extends SharedFile {
  readonly thread: number;
}

// More files than one process opens, each with two paths of usual length; anything beyond is found through /proc only.
const table = new SharedTable('safe-sqlite.thread-table.v1', { slots: 256, slotBytes: 4096 });

// Once for all copies of this package, which share the table.
processGlobal('thread-table-listener', 1, () =>
  process.on('worker', worker => {
    // Read now: the id is gone once the worker has ended.
    const thread = worker.threadId;
    // A terminated worker could not withdraw its files; better-sqlite3 has closed them.
    worker.once('exit', () => table.withdrawAllOf(thread));
  }),
);

/** Incremented by every change in any thread. */
export function tableGeneration(): number {
  return table.generation;
}

/** Publishes a file to the other threads; returns the slot to withdraw it by, or null if the table is full. */
export function publishFile(shared: SharedFile): number | null {
  return table.publish(JSON.stringify(shared));
}

/** Withdraws a file that this thread published. */
export function withdrawFile(slot: number): void {
  table.withdraw(slot);
}

/** Returns the files that the other threads have open now. */
export function filesOfOtherThreads(): readonly OtherThreadsFile[] {
  return table
    .read()
    .filter(({ thread }) => thread !== threadId)
    .map(({ thread, text }) => ({ ...(JSON.parse(text) as SharedFile), thread }));
}
