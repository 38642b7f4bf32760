/** Watches over the locks and the files of one connection, cheaply enough to ask before each commit. */
import type { FileIdentity } from '../base/file-identity';
import { descriptorsOn } from '../proc/descriptors';
import { likelyCauses, type Loss } from './finding';
import type { TransactionState } from '../policy/expected-locks';
import { createFileChecks } from './file-checks';
import { identityNow } from '../proc/path-identity';
import { createLockChecks, type MissingLocks } from './lock-checks';
import { scanDescriptors } from './descriptor-scan';

export interface SentinelSubject {
  /** Canonical path of the database. */
  readonly file: string;
  /** What the file was when the connection opened it. */
  readonly identity: FileIdentity;
  /** As `PRAGMA journal_mode` says it: `'wal'`, `'delete'`, … */
  readonly journalMode: string;
  /** Asked at each check. */
  readonly transaction: () => TransactionState;
  /** The addon that the connection runs on, to tell its SQLite from others. */
  readonly addon: FileIdentity | null;
}

export interface SentinelStatus {
  /** `'unsupported'`: this system does not show the locks of a process; the files are watched all the same. */
  readonly locks: 'watched' | 'unsupported';
  readonly reason: string;
  readonly checks: number;
}

/**
 * `'commit'` and `'interval'` look at what is known (some 10 µs), the first one at the folder in place of the files while
 * nothing has changed there; `'survey'` also scans all descriptors of the process
 * for a second copy of SQLite and for plain descriptors (under a millisecond).
 */
export type CheckMoment = 'commit' | 'interval' | 'survey';

export interface Sentinel {
  /** The worst of what is wrong; null when all is well. A warning is given once, a fatal finding each time. */
  check(moment: CheckMoment): Loss | null;
  status(): SentinelStatus;
  /** Gives its descriptors back; to be called before the connection closes, whose locks go with it. */
  stop(): void;
}

/**
 * Begins to watch a connection that has read from its file once: before that, SQLite has no locks to look at.
 *
 * What is already wrong then is told by the first `check`.
 */
export function createSentinel(subject: SentinelSubject): Sentinel {
  const { file, identity, addon } = subject;
  // One scan for all: opening a database must stay cheap.
  const sidecars = [identityNow(`${file}-wal`), identityNow(`${file}-shm`)];
  const scan = descriptorsOn(identity, ...sidecars.filter(each => each !== null));
  const files = createFileChecks(subject, scan);
  const locks = createLockChecks(subject, scan);
  const warned = new Set<string>();
  let checks = 0;

  function once(finding: Loss | null): Loss | null {
    if (finding === null || finding.fatal) return finding;
    const key = `${finding.kind} ${JSON.stringify(finding.details)}`;
    if (warned.has(key)) return null;
    warned.add(key);
    return finding;
  }

  return {
    check(moment) {
      checks += 1;
      const missing = locks.lost();
      const lost = files.lost(moment === 'commit' ? 'quick' : 'thorough');
      if (missing !== null) return locksLost(subject, missing, lost);
      if (lost !== null) return lost;
      if (moment === 'commit') return null;
      return once(files.warning() ?? (moment === 'survey' ? scanDescriptors(file, identity, addon) : null));
    },
    status: () => ({ ...locks.status(), checks }),
    stop: () => locks.stop(),
  };
}

function locksLost({ file, identity, addon }: SentinelSubject, lost: MissingLocks, files: Loss | null): Loss {
  const names = lost.missing.map(({ name }) => name).join(', ');
  const also = files === null ? '' : ` ${files.message}`;
  return {
    kind: 'locksLost',
    fatal: true,
    filesLost: files !== null,
    message: `The connection to ${file} has lost its ${names} lock: ${lost.reason}.${also}`,
    culprits: likelyCauses(file, identity, addon),
    details: { file, missing: lost.missing.map(({ name }) => name), ...files?.details },
  };
}
