/** Watches the locks, where the system shows them: the sentinel's part for locks. */
import { statSync, type BigIntStats } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname } from 'node:path';
import type { FileIdentity } from '../base/file-identity';
import {
  expectedLocks,
  reservedLock,
  type ExpectedLocks,
  type LockRequirement,
  type TransactionState,
} from '../policy/expected-locks';
import { descriptorsOn } from '../proc/descriptors';
import { OpenReaders, type OpenedFiles } from '../proc/opened-files';
import { identityNow } from '../proc/path-identity';
import { locksAreVisible, locksWereSeen } from './lock-visibility';
import { accessTo, watchFileLocks, type LockAnswer, type LockWatch, type SeenFiles } from './lock-watch';

export interface LockSubject {
  readonly file: string;
  readonly identity: FileIdentity;
  readonly journalMode: string;
}

export interface MissingLocks {
  readonly missing: readonly LockRequirement[];
  /** Why they are required. */
  readonly reason: string;
}

export interface LockChecks {
  /** Returns the required locks that are missing; null if none is, or if that cannot be determined. */
  lost(transaction: TransactionState, effort: 'cheap' | 'full'): MissingLocks | null;
  /** `'blind'`: the last check was not possible, but the next one may be. */
  status(): { readonly locks: 'watched' | 'unsupported' | 'blind'; readonly reason: string };
  /** A descriptor of SQLite on the database, and on its `-shm`; null before one was seen. */
  descriptors(): { readonly database: number | null; readonly sharedMemory: number | null };
  stop(): void;
}

interface Place {
  readonly identity: FileIdentity;
  readonly watch: LockWatch;
}

/** Watches the locks of this process on one database; costs one descriptor each for the database and its `-shm`. */
export function createLockChecks(subject: LockSubject, opened: OpenedFiles): LockChecks {
  return new FileLockChecks(subject, opened);
}

class FileLockChecks implements LockChecks {
  readonly #file: string;
  readonly #journalMode: string;
  readonly #database: Place;
  #sharedMemory: Place | null = null;
  /** Set once SQLite has been seen with a lockable descriptor on the `-shm`. */
  #indexIsKnown: boolean;
  #unsupportedBecause: string | null = null;
  #blindBecause: string | null = null;
  /** The locks were seen once: what prevents the next look passes. */
  #wereSeen = false;

  constructor({ file, identity, journalMode }: LockSubject, opened: OpenedFiles) {
    this.#file = file;
    this.#journalMode = journalMode;
    this.#database = { identity, watch: watchFileLocks(identity) };
    this.#indexIsKnown = journalMode !== 'wal';
    const required = journalMode === 'wal' ? expectedLocks('wal', 'none').database : reservedLock;
    const first = this.#database.watch.ask(required, 'full', opened);
    if (first.state === 'unknown' && first.transient) this.#blindBecause = first.reason;
    else if (first.state === 'unknown') this.#unsupportedBecause = first.reason;
    const index = this.#indexIsKnown || opened.index === null ? null : this.#findIndex(opened.index, opened);
    // Both were just seen.
    if (journalMode === 'wal' && first.state === 'held' && index === 'held') this.#seen();
    else this.lost('none', 'cheap');
  }

  lost(transaction: TransactionState, effort: 'cheap' | 'full'): MissingLocks | null {
    if (this.#unsupportedBecause !== null) return null;
    if (effort === 'full') this.#blindBecause = null;
    if (!this.#indexIsKnown && effort === 'full') this.#findIndexNow();
    const journalMode = this.#journalMode;
    const expected: ExpectedLocks = expectedLocks(journalMode, transaction);
    const missing = [
      ...this.#missingAt(this.#database, expected.database, effort),
      ...this.#missingAt(this.#sharedMemory, expected.sharedMemory, effort),
    ];
    const found =
      missing.length > 0
        ? { missing, reason: expected.reason }
        : transaction === 'open' && journalMode !== 'wal'
          ? this.#reservedLost(effort)
          : null;
    if (found !== null) return this.#confirm(found);
    if (expected.database.length > 0 && this.#blindBecause === null && this.#unsupportedBecause === null) this.#seen();
    return null;
  }

  #seen(): void {
    this.#wereSeen = true;
    locksWereSeen();
  }

  status(): ReturnType<LockChecks['status']> {
    if (this.#unsupportedBecause !== null) return { locks: 'unsupported', reason: this.#unsupportedBecause };
    if (this.#blindBecause !== null) return { locks: 'blind', reason: this.#blindBecause };
    return { locks: 'watched', reason: 'seen in /proc/self/fdinfo' };
  }

  descriptors(): ReturnType<LockChecks['descriptors']> {
    return {
      database: this.#database.watch.descriptor(),
      sharedMemory: this.#sharedMemory?.watch.descriptor() ?? null,
    };
  }

  stop(): void {
    this.#database.watch.release();
    this.#sharedMemory?.watch.release();
  }

  /**
   * A WAL index on the heap (locking_mode=EXCLUSIVE) has no `-shm`. A connection that may only read the `-shm` has its
   * lock there while a writer lives, and none if SQLite builds an index of its own (SQLITE_READONLY_CANTINIT).
   */
  #findIndex(index: FileIdentity, seen: SeenFiles): LockAnswer['state'] | null {
    const access = accessTo(index, seen);
    if (access === null || access === 'none') return null;
    this.#indexIsKnown = true;
    if (access !== 'write') return null;
    const watch = watchFileLocks(index);
    this.#sharedMemory = { identity: index, watch };
    return watch.ask(expectedLocks('wal', 'none').sharedMemory, 'cheap', seen).state;
  }

  #findIndexNow(): void {
    const index = identityNow(`${this.#file}-shm`);
    if (index === null) return;
    const readers = new OpenReaders();
    this.#findIndex(index, { scan: descriptorsOn(index), readers });
    readers.close();
  }

  #missingAt(place: Place | null, required: readonly LockRequirement[], effort: 'cheap' | 'full') {
    if (place === null) return [];
    const answer = place.watch.ask(required, effort);
    if (answer.state === 'held') return [];
    // Another thread may have opened or closed a connection during the check: only a second result that agrees counts.
    const again = answer.state === 'missing' ? place.watch.ask(required, 'full') : answer;
    if (again.state === 'held') return [];
    if (again.state === 'missing') return again.missing;
    if (again.transient || this.#wereSeen) this.#blindBecause = again.reason;
    else this.#unsupportedBecause = again.reason;
    return [];
  }

  /** If the owner knows too little about a transaction, its writes show in the journal that this process has open. */
  #reservedLost(effort: 'cheap' | 'full'): MissingLocks | null {
    const file = this.#file;
    const proving = this.#journalMode === 'delete' || this.#journalMode === 'truncate';
    if (!proving || !journalStands(file)) return null;
    if (this.#database.watch.ask(reservedLock, effort).state === 'held') return null;
    const before = ownJournal(file);
    if (before === null) return null;
    const missing = this.#missingAt(this.#database, reservedLock, effort);
    if (missing.length === 0 || !sameJournal(before, ownJournal(file))) return null;
    return { missing, reason: expectedLocks(this.#journalMode, 'writing').reason };
  }

  /** A lock that is missing counts only where this system shows the locks of a process. */
  #confirm(found: MissingLocks): MissingLocks | null {
    const folder = dirname(this.#file);
    const visible = locksAreVisible(folder);
    if (visible === true) return found;
    if (visible === false) {
      this.#unsupportedBecause = 'this system does not show the locks of a process in /proc/self/fdinfo';
    } else {
      this.#blindBecause = `no test for visible locks could be made in ${tmpdir()} or ${folder}`;
    }
    return null;
  }
}

// Proves that this process writes in rollback mode, for transactions of which the caller knows no more.

/** A journal with content that this process has open. */
interface OwnJournal {
  readonly inode: bigint;
  /** Distinguishes a journal from the next one, which may get the same inode number. */
  readonly bornNs: bigint;
}

/** True if a non-empty rollback journal exists beside the database, whoever wrote it. */
function journalStands(file: string): boolean {
  return (journalStats(file)?.size ?? 0n) > 0n;
}

/**
 * Returns the journal of a write transaction of this process; null if there is none, or it is another process's.
 *
 * In the modes `delete` and `truncate` a writer has its journal open, with content, only while it holds RESERVED. A
 * journal seen before and after a check of the locks therefore proves that RESERVED had to be there in between.
 */
function ownJournal(file: string): OwnJournal | null {
  const stats = journalStats(file);
  if (stats === undefined || stats.size === 0n) return null;
  const own = descriptorsOn({ dev: stats.dev, ino: stats.ino });
  if (!own.supported || own.descriptors.length === 0) return null;
  return { inode: stats.ino, bornNs: stats.birthtimeNs };
}

function sameJournal(one: OwnJournal | null, other: OwnJournal | null): boolean {
  return one !== null && other !== null && one.inode === other.inode && one.bornNs === other.bornNs;
}

function journalStats(file: string): BigIntStats | undefined {
  try {
    return statSync(`${file}-journal`, { bigint: true, throwIfNoEntry: false });
  } catch {
    return undefined; // An unreadable file proves nothing.
  }
}
