/** Puts sentinels over all files of a connection: the database and what is attached to it. */
import { performance } from '../base/clock';
import { quotedName } from '../base/sql-name';
import { atExit } from '../base/at-exit';
import type { FileIdentity } from '../base/file-identity';
import type { NativeDatabase } from '../native/better-sqlite3';
import { blockCheckpoint, type CheckpointBlocker } from '../native/close-without-checkpoint';
import type { OpenedFiles } from '../proc/opened-files';
import { sqliteCopyOf } from '../registry/sqlite-copy';
import { disableConnection, type LostDatabase, type DisabledConnection, type Outcome } from './disable-connection';
import type { Loss } from './finding';
import { joinSentinelRounds, type RoundSeat } from './rounds';
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
  readonly file: string;
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
   * a connection has no locks in WAL mode. `journalMode` is SQLite's answer after that; `opened` what was seen right after it.
   */
  add(file: string, identity: FileIdentity, journalMode: string, opened?: OpenedFiles | null): void;
  /** The application has switched the journal mode of a file, which changes the expected locks. */
  follow(file: string, journalMode: string): void;
  /** Forgets a file that was detached. */
  remove(file: string): void;
  /**
   * Checks a file before a checkpoint; returns the error of a connection that must not continue, which has been
   * reported.
   */
  beforeCheckpoint(file: string): Error | null;
  /** True if `beforeCheckpoint`, just called for the file, saw that a checkpoint has nothing to copy. */
  nothingToCopy(file: string): boolean;
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

/** Another program may switch the journal mode of a database without a WAL; asking SQLite costs more than a check. */
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
  return new RunningSentinel(connection, options);
}

class RunningSentinel implements ConnectionSentinel {
  readonly #connection: WatchedConnection;
  readonly #rescueDirectory: string | null;
  readonly #nativeBinding: string | object | null;
  readonly #addon: FileIdentity | null;
  readonly #files = new Map<string, WatchedFile>();
  readonly #held: CheckpointBlocker[] = [];
  readonly #rounds: RoundSeat;
  /** A commit since the last round; without the check before commits every round counts as one. */
  #used = true;
  readonly #seesUse: boolean;
  #verdict: Outcome | null = null;
  #pauseMs: number;
  /** Milliseconds of the monotonic clock before which the rescue is not retried. */
  #rescueAt = 0;
  #intervals = 0;
  #clearAtClose = (): void => {};
  #leaveExit = (): void => {};

  constructor(connection: WatchedConnection, options: ConnectionSentinelOptions) {
    this.#connection = connection;
    this.#rescueDirectory = options.rescueDirectory;
    this.#nativeBinding = options.nativeBinding;
    this.#addon = sqliteCopyOf(options.nativeBinding).addon;
    this.#pauseMs = options.intervalMs;
    this.#seesUse = options.onCommit;
    this.#rounds = joinSentinelRounds({
      intervalMs: options.intervalMs,
      takeUse: () => this.#takeUse(),
      watched: () => this.#watched(),
      check: () => void this.#act(this.#check('interval')),
      suspect: () => void this.#act(this.#check('survey')),
    });
    connection.commitHooks.beforeCommit(options.onCommit ? () => this.#beforeCommit() : null);
  }

  add(file: string, identity: FileIdentity, journalMode: string, opened: OpenedFiles | null = null): void {
    const known = this.#files.get(file);
    if (known !== undefined) {
      known.uses += 1;
      return;
    }
    const sentinel = sentinelFor(this.#connection.native, { file, identity, journalMode, addon: this.#addon, opened });
    this.#files.set(file, { uses: 1, identity, journalMode, sentinel });
  }

  follow(file: string, journalMode: string): void {
    const { native, verbose } = this.#connection;
    // SQLite opens the sidecars at the first read behind the switch, and without them there is nothing to watch.
    if (journalMode === 'wal') verbose.quietly(() => readOnce(native, file));
    switchMode(native, this.#addon, { file, watched: this.#files.get(file), journalMode });
  }

  remove(file: string): void {
    const known = this.#files.get(file);
    if (known === undefined) return;
    known.uses -= 1;
    if (known.uses > 0) return;
    known.sentinel.stop();
    this.#files.delete(file);
  }

  beforeCheckpoint(file: string): Error | null {
    const watched = this.#files.get(file);
    if (this.#verdict !== null || watched === undefined) return this.#verdict?.error ?? null;
    let finding = watched.sentinel.check('checkpoint');
    if (finding?.fatal === true && this.#journalModeChanged(file, watched)) {
      finding = watched.sentinel.check('checkpoint');
    }
    return this.#act(finding);
  }

  nothingToCopy(file: string): boolean {
    return this.#verdict === null && this.#files.get(file)?.sentinel.nothingToCopy() === true;
  }

  /** An unfinished statement, or a full disk, blocked the rescue; it may succeed now. */
  rescueAtLast(): void {
    const verdict = this.#verdict;
    if (verdict === null || verdict.rescueAgain === null) return;
    if (this.#connection.verbose.quietly(verdict.rescueAgain)) this.#verdict = { ...verdict, rescueAgain: null };
    this.#pauseMs = Math.min(this.#pauseMs * 2, longestPauseMs);
    this.#rescueAt = performance.now() + this.#pauseMs;
  }

  status(): SentinelStatus {
    return worstStatus([...this.#files.values()].map(({ sentinel }) => sentinel.status()));
  }

  stop(): void {
    this.#rounds.leave();
    this.#connection.commitHooks.beforeCommit(null);
    this.#leaveExit();
    releaseAll(this.#held);
    this.#clearAtClose();
    stopAll(this.#files);
  }

  *#watched(): ReturnType<Sentinel['watched']> {
    for (const { sentinel } of this.#files.values()) yield* sentinel.watched();
  }

  #check(moment: CheckMoment): Loss | null {
    if (this.#verdict !== null && performance.now() >= this.#rescueAt) this.rescueAtLast();
    if (this.#verdict !== null) return null;
    let warning: Loss | null = null;
    if (moment === 'interval') this.#intervals += 1;
    const askMode = moment === 'survey' || (moment === 'interval' && this.#intervals % intervalsPerMode === 1);
    for (const [file, watched] of this.#files) {
      let finding = watched.sentinel.check(moment);
      // In WAL mode the lock of this connection keeps every other one from switching.
      const ask = finding?.fatal === true || (askMode && watched.journalMode !== 'wal');
      if (ask && this.#journalModeChanged(file, watched)) finding = watched.sentinel.check(moment);
      if (finding?.fatal === true) return finding;
      warning ??= finding;
    }
    return warning;
  }

  #journalModeChanged(file: string, watched: WatchedFile): boolean {
    return followJournalMode(this.#connection, this.#addon, file, watched);
  }

  /** A rescue that failed is repeated at the interval. */
  #takeUse(): boolean {
    const used = this.#used || !this.#seesUse || this.#verdict !== null;
    this.#used = false;
    return used;
  }

  #beforeCommit(): void {
    if (!this.#used) {
      this.#used = true;
      this.#rounds.wake();
    }
    const error = this.#act(this.#check('commit'));
    if (error !== null) throw error;
  }

  #act(finding: Loss | null): Error | null {
    if (finding === null) return null;
    const connection = this.#connection;
    if (!finding.fatal) {
      publishWarning(connection.hub, finding);
      return null;
    }
    // While the names still lead to the files that the connection has open.
    const setAside = (): SetAside | null => {
      for (const [file, { identity }] of this.#files) {
        this.#held.push(blockCheckpoint(file, identity, this.#nativeBinding));
      }
      return setAsideFor(finding, this.#files);
    };
    if (finding.details['deletedBy'] !== undefined) this.#clearAtClose = leftoversOf(finding, this.#files);
    const lost = this.#lostDatabases(finding);
    const disable = (): Outcome => disableConnection(connection, { finding, lost }, this.#rescueDirectory, setAside);
    this.#verdict = connection.verbose.quietly(disable);
    this.#leaveExit = atExit(() => this.#closeInOrder());
    const { error, tell } = this.#verdict;
    // After the checkpoint blockers: a listener that closes the connection would otherwise checkpoint through it.
    connection.verbose.quietly(tell);
    return error;
  }

  /** The databases of which only this connection still has the files: that of the finding first, then others that are lost with it. */
  #lostDatabases(finding: Loss): readonly LostDatabase[] {
    const named = String(finding.details['file']);
    const files = finding.filesLost ? [named] : [];
    for (const [file, { sentinel }] of this.#files) {
      if (file !== named && sentinel.check('checkpoint')?.filesLost === true) files.push(file);
    }
    const { native, file: main } = this.#connection;
    return files.map(file => ({ file, schema: () => (file === main ? 'main' : schemaOf(native, file)) }));
  }

  /** At exit better-sqlite3 closes connections in any order, but the writing one has to be first. */
  #closeInOrder(): void {
    this.rescueAtLast();
    this.#connection.native.close();
    releaseAll(this.#held);
  }
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

/** An error here is met again by the next statement of the application. */
function readOnce(native: NativeDatabase.Database, file: string): void {
  try {
    const schema = schemaOf(native, file);
    if (schema !== null) native.pragma(`${schema}.schema_version`);
  } catch {
    // The interval of the sentinel looks again.
  }
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
