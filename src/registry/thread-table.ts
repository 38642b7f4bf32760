/** What the other threads of this process have open. Of workers that a table does not reach, `/proc` tells. */
import { threadId } from 'node:worker_threads';
import { processGlobal } from '../base/process-global';
import { SharedTable } from '../base/shared-table';

/** What a thread tells the others of one file. */
export interface SharedFile {
  readonly key: string;
  readonly file: string;
  /** Device and inode in decimal, which JSON can carry; null when the file does not exist yet. */
  readonly identity: { readonly dev: string; readonly ino: string } | null;
  readonly copyId: string;
  readonly library: string;
  readonly aliases: readonly string[];
}

export interface OtherThreadsFile extends SharedFile {
  readonly thread: number;
}

// More files than one process has open, each with two paths of usual length; what does not fit is told by /proc alone.
const table = new SharedTable('safe-sqlite.thread-table.v1', { slots: 256, slotBytes: 4096 });

// Once for all copies of this package: they share the table.
processGlobal('thread-table-listener', 1, () =>
  process.on('worker', worker => {
    // Not known any more once it has ended.
    const thread = worker.threadId;
    // A worker that was terminated could not withdraw its files; better-sqlite3 has closed them.
    worker.once('exit', () => table.withdrawAllOf(thread));
  }),
);

/** Raised by every change that any thread makes. */
export function tableGeneration(): number {
  return table.generation;
}

/** Tells the other threads of a file; gives the slot to withdraw it by, or null when the table has no room for it. */
export function publishFile(shared: SharedFile): number | null {
  return table.publish(JSON.stringify(shared));
}

/** Takes back what this thread told. */
export function withdrawFile(slot: number): void {
  table.withdraw(slot);
}

/** What the other threads have open now. */
export function filesOfOtherThreads(): readonly OtherThreadsFile[] {
  return table
    .read()
    .filter(({ thread }) => thread !== threadId)
    .map(({ thread, text }) => ({ ...(JSON.parse(text) as SharedFile), thread }));
}
