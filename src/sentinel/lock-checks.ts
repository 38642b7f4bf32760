/** The part of the sentinel that watches the locks, where the system shows them. */
import { tmpdir } from 'node:os';
import { dirname } from 'node:path';
import { sameFile, type FileIdentity } from '../base/file-identity';
import { descriptorsOn, type Descriptor, type DescriptorScan } from '../proc/descriptors';
import {
  expectedLocks,
  reservedLock,
  type ExpectedLocks,
  type LockRequirement,
  type TransactionState,
} from '../policy/expected-locks';
import { identityNow } from '../proc/path-identity';
import { createLockWatch, type LockWatch } from './lock-watch';
import { locksAreVisible, locksWereSeen } from './lock-visibility';
import { statSync } from 'node:fs';

export interface LockSubject {
  readonly file: string;
  readonly identity: FileIdentity;
  readonly journalMode: string;
  readonly transaction: () => TransactionState;
}

export interface MissingLocks {
  readonly missing: readonly LockRequirement[];
  /** Why they must be there. */
  readonly reason: string;
}

export interface LockChecks {
  /** The locks that must be there now and are not; null when all are. */
  lost(): MissingLocks | null;
  status(): { readonly locks: 'watched' | 'unsupported'; readonly reason: string };
  stop(): void;
}

interface Place {
  readonly identity: FileIdentity;
  readonly watch: LockWatch;
}

/** Watches the locks of one connection; costs one descriptor for each descriptor on the database and on its `-shm`. */
export function createLockChecks(subject: LockSubject, scan: DescriptorScan): LockChecks {
  const { file, identity, journalMode, transaction } = subject;
  const database: Place = { identity, watch: createLockWatch(identity) };
  const index = journalMode === 'wal' ? identityNow(`${file}-shm`) : null;
  // No -shm: a WAL index on the heap (locking_mode=EXCLUSIVE), whose connection has no locks but those on the database.
  const sharedMemory: Place | null = index === null ? null : { identity: index, watch: createLockWatch(index) };
  let unsupportedBecause: string | null = scan.supported ? null : scan.reason;
  for (const place of [database, sharedMemory]) if (place !== null && scan.supported) aim(place, scan.descriptors);
  if (unsupportedBecause === null) lost();

  /** The locks missing at a place, after a second look at all descriptors there are now. */
  function missingAt(place: Place | null, required: readonly LockRequirement[]): readonly LockRequirement[] {
    if (place === null || place.watch.missing(required).length === 0) return [];
    look(place);
    return place.watch.missing(required);
  }

  /** Writes of a transaction that its owner knows too little about show in the journal that this process has open. */
  function reservedLost(): MissingLocks | null {
    const proving = journalMode === 'delete' || journalMode === 'truncate';
    if (!proving || !journalStands(file) || database.watch.missing(reservedLock).length === 0) return null;
    const before = ownJournal(file);
    if (before === null) return null;
    const missing = missingAt(database, reservedLock);
    if (missing.length === 0 || !sameJournal(before, ownJournal(file))) return null;
    return { missing, reason: expectedLocks(journalMode, 'writing').reason };
  }

  function lost(): MissingLocks | null {
    if (unsupportedBecause !== null) return null;
    const state = transaction();
    const expected: ExpectedLocks = expectedLocks(journalMode, state);
    const missing = [...missingAt(database, expected.database), ...missingAt(sharedMemory, expected.sharedMemory)];
    const found =
      missing.length > 0
        ? { missing, reason: expected.reason }
        : state === 'open' && journalMode !== 'wal'
          ? reservedLost()
          : null;
    if (found === null) {
      if (expected.database.length > 0) locksWereSeen();
      return null;
    }
    const visible = locksAreVisible(dirname(file));
    if (visible === true) return found;
    unsupportedBecause =
      visible === false
        ? 'this system does not show the locks of a process in /proc/self/fdinfo'
        : `whether this system shows locks cannot be tried: neither ${tmpdir()} nor ${dirname(file)} can be written`;
    return null;
  }

  return {
    lost,
    status: () => ({
      locks: unsupportedBecause === null ? 'watched' : 'unsupported',
      reason: unsupportedBecause ?? 'seen in /proc/self/fdinfo',
    }),
    stop() {
      database.watch.stop();
      sharedMemory?.watch.stop();
    },
  };
}

/** Points the watch of a place at the descriptors that are open there now. */
function look(place: Place): void {
  const found = descriptorsOn(place.identity);
  if (found.supported) aim(place, found.descriptors);
}

function aim({ identity, watch }: Place, descriptors: readonly Descriptor[]): void {
  watch.replaceDescriptors(descriptors.filter(each => sameFile(each.identity, identity)).map(({ fd }) => fd));
}

// Proves that this process writes in rollback mode, for transactions of which the caller knows no more than that.

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
