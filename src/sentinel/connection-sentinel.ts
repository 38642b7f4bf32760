/** Puts sentinels over all files of a connection: the database and what is attached to it. */
import { performance } from '../base/clock';
import { quotedName } from '../base/sql-name';
import { atExit } from '../base/at-exit';
import type { FileIdentity } from '../base/file-identity';
import type { NativeDatabase } from '../native/better-sqlite3';
import { blockCheckpoint, type CheckpointBlocker } from '../native/close-without-checkpoint';
import { sqliteCopyOf } from '../registry/sqlite-copy';
import { disableConnection, type DisabledConnection, type Outcome } from './disable-connection';
import type { Loss } from './finding';
import { joinRounds } from './rounds';
import { takeSidecarsAway, type SetAside } from './set-aside';
import type { EventHub } from '../events/event-hub';
import {
  createSentinel,
  type CheckMoment,
  type Sentinel,
  type SentinelStatus,
  type SentinelSubject,
} from './file-sentinel';

export interface WatchedConnection extends DisabledConnection {
  readonly native: NativeDatabase.Database;
  /** Keeps the library's own statements out of the application's `verbose`. */
  readonly verbose: { quietly<Result>(run: () => Result): Result };
  /** Calls `check` before each commit; it may throw to prevent it. */
  readonly commitHooks: { beforeCommit(guard: (() => void) | null): void };
}

export interface ConnectionSentinelOptions {
  readonly intervalMs: number;
  readonly onCommit: boolean;
  readonly rescueDirectory: string | null;
  readonly nativeBinding: string | object | null;
}

export interface ConnectionSentinel {
  /**
   * Watches one more file of this connection, after it was opened or attached and read from once: before its first read
   * a connection has no locks in WAL mode. `journalMode` is SQLite's answer after that.
   */
  add(file: string, identity: FileIdentity, journalMode: string): void;
  /** The application has switched the journal mode of a file, which changes the expected locks. */
  follow(file: string, journalMode: string): void;
  /** Forgets a file that was detached. */
  remove(file: string): void;
  /**
   * Checks a file before a checkpoint; returns the error of a connection that must not continue, which has been
   * reported.
   */
  beforeCheckpoint(file: string): Error | null;
  /** Call before the connection closes: unsaved data is lost with it. */
  rescueAtLast(): void;
  /** Of all files together: unsupported if it is so for one of them. */
  status(): SentinelStatus;
  /** Call after the connection is closed, in the same turn: its locks are gone then. */
  stop(): void;
}

interface WatchedFile {
  /** A file may be attached besides being the main one, and under several names. */
  uses: number;
  readonly identity: FileIdentity;
  journalMode: string;
  sentinel: Sentinel;
}

/**
 * Milliseconds. A failed rescue is retried after pauses that double up to this: on a full disk each attempt costs a
 * copy.
 */
const longestPauseMs = 60_000;

/** Another program may switch the journal mode of a database without a WAL; reading it costs more than a check. */
const intervalsPerMode = 10;

const warningCodes: Readonly<Partial<Record<Loss['kind'], string>>> = {
  hardLinked: 'hard-linked',
  foreignDescriptor: 'foreign-descriptor',
  cannotLook: 'sentinel-cannot-look',
};

/** Watches `connection` until `stop`; a fatal finding disables it, rescues its data, and is reported once. */
export function startConnectionSentinel(
  connection: WatchedConnection,
  options: ConnectionSentinelOptions,
): ConnectionSentinel {
  const { native, verbose } = connection;
  const { rescueDirectory, nativeBinding } = options;
  const { addon } = sqliteCopyOf(nativeBinding);
  const files = new Map<string, WatchedFile>();
  const held: CheckpointBlocker[] = [];
  let verdict: Outcome | null = null;
  let pauseMs = options.intervalMs;
  /** Milliseconds of the monotonic clock before which the rescue is not retried. */
  let rescueAt = 0;
  let intervals = 0;
  let clearAtClose = (): void => {};
  let leaveExit = (): void => {};

  const leaveRounds = joinRounds({
    intervalMs: options.intervalMs,
    *watched() {
      for (const { sentinel } of files.values()) yield* sentinel.watched();
    },
    check: () => void act(check('interval')),
    suspect: () => void act(check('survey')),
  });
  connection.commitHooks.beforeCommit(options.onCommit ? beforeCommit : null);

  function check(moment: CheckMoment): Loss | null {
    if (verdict !== null && performance.now() >= rescueAt) rescueAgain();
    if (verdict !== null) return null;
    let warning: Loss | null = null;
    if (moment === 'interval') intervals += 1;
    const askMode = moment === 'survey' || (moment === 'interval' && intervals % intervalsPerMode === 1);
    for (const [file, watched] of files) {
      let finding = watched.sentinel.check(moment);
      const ask = finding?.fatal === true || askMode;
      if (ask && journalModeChanged(file, watched)) finding = watched.sentinel.check(moment);
      if (finding?.fatal === true) return finding;
      warning ??= finding;
    }
    return warning;
  }

  const journalModeChanged = (file: string, watched: WatchedFile): boolean =>
    followJournalMode(connection, addon, file, watched);

  /** An unfinished statement, or a full disk, blocked the rescue; it may succeed now. */
  function rescueAgain(): void {
    if (verdict === null || verdict.rescueAgain === null) return;
    if (verbose.quietly(verdict.rescueAgain)) verdict = { ...verdict, rescueAgain: null };
    pauseMs = Math.min(pauseMs * 2, longestPauseMs);
    rescueAt = performance.now() + pauseMs;
  }

  function beforeCommit(): void {
    const error = act(check('commit'));
    if (error !== null) throw error;
  }

  function act(finding: Loss | null): Error | null {
    if (finding === null) return null;
    if (!finding.fatal) {
      publishWarning(connection.hub, finding);
      return null;
    }
    // While the names still lead to the files that the connection has open.
    const setAside = (): SetAside | null => {
      for (const [file, { identity }] of files) held.push(blockCheckpoint(file, identity, nativeBinding));
      return setAsideFor(finding, files);
    };
    if (finding.details['deletedBy'] !== undefined) clearAtClose = leftoversOf(finding, files);
    verdict = verbose.quietly(() => disableConnection(connection, finding, rescueDirectory, setAside));
    leaveExit = atExit(closeInOrder);
    const { error, tell } = verdict;
    // After the checkpoint blockers: a listener that closes the connection would otherwise checkpoint through it.
    verbose.quietly(tell);
    return error;
  }

  /** At exit better-sqlite3 closes connections in any order, but the writing one has to be first. */
  function closeInOrder(): void {
    rescueAgain();
    native.close();
    releaseAll(held);
  }

  return {
    add(file, identity, journalMode) {
      const known = files.get(file);
      if (known !== undefined) {
        known.uses += 1;
        return;
      }
      files.set(file, {
        uses: 1,
        identity,
        journalMode,
        sentinel: sentinelFor(native, { file, identity, journalMode, addon }),
      });
    },
    follow: (file, journalMode) => switchMode(native, addon, { file, watched: files.get(file), journalMode }),
    remove(file) {
      const known = files.get(file);
      if (known === undefined) return;
      known.uses -= 1;
      if (known.uses > 0) return;
      known.sentinel.stop();
      files.delete(file);
    },
    beforeCheckpoint(file) {
      const watched = files.get(file);
      if (verdict !== null || watched === undefined) return verdict?.error ?? null;
      let finding = watched.sentinel.check('checkpoint');
      if (finding?.fatal === true && journalModeChanged(file, watched)) finding = watched.sentinel.check('checkpoint');
      return act(finding);
    },
    rescueAtLast: rescueAgain,
    status: () => worstStatus([...files.values()].map(({ sentinel }) => sentinel.status())),
    stop() {
      leaveRounds();
      connection.commitHooks.beforeCommit(null);
      leaveExit();
      releaseAll(held);
      clearAtClose();
      stopAll(files);
    },
  };
}

function sentinelFor(native: NativeDatabase.Database, subject: Omit<SentinelSubject, 'transaction'>): Sentinel {
  // In WAL mode both have the same locks, and asking SQLite would be a large part of the whole check.
  const transaction = (): 'open' | 'none' => (subject.journalMode !== 'wal' && native.inTransaction ? 'open' : 'none');
  return createSentinel({ ...subject, transaction });
}

/** The application may change the journal mode: other locks are expected then, and a missing `-wal` is correct. */
function followJournalMode(
  { native, verbose }: WatchedConnection,
  addon: FileIdentity | null,
  file: string,
  watched: WatchedFile,
): boolean {
  const journalMode = verbose.quietly(() => journalModeNow(native, file));
  if (journalMode === null || journalMode === watched.journalMode) return false;
  switchMode(native, addon, { file, watched, journalMode });
  return true;
}

function switchMode(
  native: NativeDatabase.Database,
  addon: FileIdentity | null,
  to: { readonly file: string; readonly watched: WatchedFile | undefined; readonly journalMode: string },
): void {
  const { file, watched, journalMode } = to;
  if (watched === undefined || watched.journalMode === journalMode) return;
  watched.sentinel.stop();
  watched.journalMode = journalMode;
  watched.sentinel = sentinelFor(native, { file, identity: watched.identity, journalMode, addon });
}

function publishWarning(hub: EventHub, { kind, message, details, culprits }: Loss): void {
  hub.publish('warning', { code: warningCodes[kind] ?? kind, message, details: { ...details, culprits } });
}

/** Only if the name of the database now has another content, or the `-wal` has a foreign one. */
function setAsideFor(
  { kind, details }: Loss,
  files: ReadonlyMap<string, { readonly sentinel: Sentinel }>,
): SetAside | null {
  const replaced = kind === 'databaseReplaced' && details['fate'] === 'other';
  const changed = kind === 'changedUnderneath' && details['changed'] !== 'index';
  const file = String(details['file']);
  const sentinel = files.get(file)?.sentinel;
  const deleted = details['deletedBy'] !== undefined;
  // What this process deletes one after the other must still be there for it: the rest goes at the close.
  if (!(replaced || changed) || sentinel === undefined) return null;
  return takeSidecarsAway(file, sentinel.sidecars(), deleted ? 'remove' : 'rename');
}

/** Removes the sidecars of a file that this process deleted: without it they hold nothing, and the next open would refuse. */
function leftoversOf({ details }: Loss, files: ReadonlyMap<string, { readonly sentinel: Sentinel }>): () => void {
  const file = String(details['file']);
  const own = files.get(file)?.sentinel.sidecars() ?? [];
  return () => void takeSidecarsAway(file, own, 'remove');
}

function releaseAll(held: CheckpointBlocker[]): void {
  for (const hold of held.splice(0)) hold.release();
}

function stopAll(files: Map<string, WatchedFile>): void {
  for (const { sentinel } of files.values()) sentinel.stop();
  files.clear();
}

function worstStatus(all: readonly SentinelStatus[]): SentinelStatus {
  const checks = all.reduce((sum, status) => sum + status.checks, 0);
  const worst = all.find(status => status.locks === 'unsupported') ?? all[0];
  return worst === undefined ? { locks: 'unsupported', reason: 'no file is watched', checks } : { ...worst, checks };
}

/** Returns the connection's journal mode of the file; null if it has no such file, or cannot be asked now. */
function journalModeNow(native: NativeDatabase.Database, file: string): string | null {
  try {
    const schema = schemaOf(native, file);
    return schema === null ? null : String(native.pragma(`${schema}.journal_mode`, { simple: true }));
  } catch {
    return null;
  }
}

function schemaOf(native: NativeDatabase.Database, file: string): string | null {
  const schemas = native.pragma('database_list') as readonly { readonly name: string; readonly file: string }[];
  const schema = schemas.find(each => each.file === file);
  return schema === undefined ? null : quotedName(schema.name);
}
