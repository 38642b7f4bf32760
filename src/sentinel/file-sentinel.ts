/** Watches the locks, the names and the content of one database, cheaply enough for a check before each commit. */
import type { FileIdentity } from '../base/file-identity';
import type { TransactionState } from '../policy/expected-locks';
import { identityNow } from '../proc/path-identity';
import { deletionOf } from '../registry/registry';
import type { Changed } from './content-checks';
import { scanDescriptors } from './descriptor-scan';
import { watchDatabase, type WatchedDatabase } from './file-watch';
import { likelyCauses, type Loss } from './finding';
import type { MissingLocks } from './lock-checks';
import type { WatchedRole } from './survey';

export interface SentinelSubject extends WatchedDatabase {
  /** Called at each check. */
  readonly transaction: () => TransactionState;
  /** The addon of the connection, to distinguish its SQLite from others. */
  readonly addon: FileIdentity | null;
}

export interface SentinelStatus {
  /** `'unsupported'`: the locks are not visible, for `reason`; the files are watched anyway. */
  readonly locks: 'watched' | 'unsupported';
  readonly reason: string;
  readonly checks: number;
}

/**
 * `'commit'` and `'interval'` check known facts (some 10 µs); the former checks the folder instead of the files while
 * nothing has changed there. `'checkpoint'` runs before data is copied into the database. `'survey'` also scans all
 * descriptors of the process for a second copy of SQLite and for plain descriptors (under a millisecond).
 */
export type CheckMoment = 'commit' | 'interval' | 'checkpoint' | 'survey';

export interface Sentinel {
  /** Returns the worst finding; null if there is none. A warning is given once, a fatal finding each time. */
  check(moment: CheckMoment): Loss | null;
  status(): SentinelStatus;
  /** The files whose descriptors count in a survey. */
  watched(): Iterable<readonly [FileIdentity, WatchedRole]>;
  /** The sidecars that the connection has open, by name. */
  sidecars(): readonly { readonly path: string; readonly identity: FileIdentity }[];
  /** True if the check for a checkpoint, which was the last one, saw that it has nothing to copy. */
  nothingToCopy(): boolean;
  /** Ends the watch; call it before the connection closes and releases its locks. */
  stop(): void;
}

/**
 * Begins to watch a connection that has read from its file once: before that, SQLite holds no locks.
 *
 * The first `check` reports faults that already exist.
 */
export function createSentinel(subject: SentinelSubject): Sentinel {
  const { file, identity, addon, journalMode } = subject;
  const watch = watchDatabase(subject);
  const { files, locks, contents } = watch;
  const warned = new Set<string>();
  let checks = 0;
  let intervals = 0;

  function once(finding: Loss | null): Loss | null {
    if (finding === null || finding.fatal) return finding;
    const key = `${finding.kind} ${JSON.stringify(finding.details)}`;
    if (warned.has(key)) return null;
    warned.add(key);
    return finding;
  }

  function blind(): Loss | null {
    const status = locks.status();
    if (status.locks !== 'blind') warned.delete(blindKey);
    if (status.locks !== 'blind' || warned.has(blindKey)) return null;
    warned.add(blindKey);
    return cannotLook(file, status.reason);
  }

  return {
    check(moment) {
      checks += 1;
      const missing = locks.lost(subject.transaction(), moment === 'commit' ? 'cheap' : 'full');
      if (moment === 'interval') intervals += 1;
      const thorough = moment === 'survey' || moment === 'checkpoint' || intervals % intervalsPerThorough === 1;
      const lost = knownDeletion(subject, files.lost(moment !== 'commit' && thorough ? 'thorough' : 'quick'));
      if (missing !== null) return locksLost(subject, missing, lost);
      if (lost !== null) return lost;
      const changed = contents?.changed(moment === 'survey' ? 'interval' : moment) ?? null;
      if (changed !== null) return changedUnderneath(file, changed);
      const unreadable = contents?.unreadable ?? null;
      if (unreadable !== null && !warned.has(unreadableKey)) {
        warned.add(unreadableKey);
        return cannotRead(file, unreadable);
      }
      if (moment === 'commit' || moment === 'checkpoint') return null;
      return (
        blind() ??
        once(
          (thorough ? files.warning() : null) ?? (moment === 'survey' ? scanDescriptors(file, identity, addon) : null),
        )
      );
    },
    status() {
      const { locks: state, reason } = locks.status();
      return { locks: state === 'watched' ? 'watched' : 'unsupported', reason, checks };
    },
    *watched() {
      yield [identity, 'database'];
      const index = journalMode === 'wal' ? identityNow(`${file}-shm`) : null;
      if (index !== null) yield [index, 'index'];
    },
    sidecars: () => files.sidecars(),
    nothingToCopy: () => contents?.sawNoFrames ?? false,
    stop: () => watch.release(),
  };
}

/** One interval check in this many checks each name; the others check the folder while nothing changes in it. */
const intervalsPerThorough = 4;

/** A file that this process has deleted itself is no loss: no copy of it is saved. */
function knownDeletion({ file, identity }: SentinelSubject, lost: Loss | null): Loss | null {
  const how = lost === null ? null : deletionOf(identity);
  if (lost === null || how === null) return lost;
  return {
    ...lost,
    filesLost: false,
    message: `This process deleted ${file} while a connection had it open. No copy of it was saved.`,
    culprits: [how],
    details: { ...lost.details, deletedBy: how },
  };
}

const blindKey = 'blind';
const unreadableKey = 'unreadable';

function cannotLook(file: string, reason: string): Loss {
  return {
    kind: 'cannotLook',
    fatal: false,
    filesLost: false,
    message: `The locks on ${file} cannot be checked: ${reason}. They are not known to be lost.`,
    culprits: ['a process that has used up its open files (`ulimit -n`) or its memory'],
    details: { file, reason },
  };
}

function cannotRead(file: string, reason: string): Loss {
  return {
    kind: 'cannotLook',
    fatal: false,
    filesLost: false,
    message: `The contents of ${file} or its sidecars cannot be checked: ${reason}. They are not known to be changed.`,
    culprits: ['a disk that fails to read (see `dmesg`)'],
    details: { file, reason },
  };
}

function changedUnderneath(file: string, { path, what, how }: Changed): Loss {
  return {
    kind: 'changedUnderneath',
    fatal: true,
    filesLost: true,
    message: `${path} ${how}: it was written past SQLite while a connection to ${file} had it open.`,
    culprits: ['a program or a person that copied over, cut, edited or restored the file in place while it was in use'],
    details: { file, path, changed: what },
  };
}

function locksLost({ file, identity, addon }: SentinelSubject, lost: MissingLocks, files: Loss | null): Loss {
  const names = lost.missing.map(({ name }) => name).join(', ');
  const also = files === null ? '' : ` ${files.message}`;
  return {
    kind: 'locksLost',
    fatal: true,
    filesLost: files?.filesLost === true,
    message: `The connection to ${file} has lost its ${names} lock: ${lost.reason}.${also}`,
    culprits: likelyCauses(file, identity, addon),
    details: { file, missing: lost.missing.map(({ name }) => name), ...files?.details },
  };
}
