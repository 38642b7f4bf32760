/** Proves that this process writes in rollback mode, for transactions of which the caller knows no more than that. */
import { statSync } from 'node:fs';
import { descriptorsOn } from '../proc/descriptors';

/** A journal with content that this process has open. */
export interface OwnJournal {
  readonly inode: bigint;
  /** Tells a journal from the next one, which may get the same inode number. */
  readonly bornNs: bigint;
}

/** True when a rollback journal with something in it stands beside the database, whoever wrote it. */
export function journalStands(file: string): boolean {
  const stats = statSync(`${file}-journal`, { throwIfNoEntry: false });
  return stats !== undefined && stats.size > 0;
}

/**
 * The journal of a write transaction of this process; null when there is none, or it is another process's.
 *
 * In the modes `delete` and `truncate` a writer has its journal open, with content, only while it has RESERVED. So a
 * journal seen before and again after a look at the locks proves that RESERVED had to be there in between.
 */
export function ownJournal(file: string): OwnJournal | null {
  const stats = statSync(`${file}-journal`, { bigint: true, throwIfNoEntry: false });
  if (stats === undefined || stats.size === 0n) return null;
  const own = descriptorsOn({ dev: stats.dev, ino: stats.ino });
  if (!own.supported || own.descriptors.length === 0) return null;
  return { inode: stats.ino, bornNs: stats.birthtimeNs };
}

export function sameJournal(one: OwnJournal | null, other: OwnJournal | null): boolean {
  return one !== null && other !== null && one.inode === other.inode && one.bornNs === other.bornNs;
}
