/** Makes scheduled backups: one timer, one backup at a time, retention after each, and the status of the last one. */
import { existsSync, statSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { basename, dirname, join, parse } from 'node:path';
import { clearTimeout, setTimeout, wallClockNow } from '../base/clock';
import { count } from '../base/figures';
import { asError, errorCode, errorMessage, memberOf, textOf } from '../base/foreign-error';
import { BackupError } from '../errors/refusals';
import { sharedFolders } from '../filesystem/build-place';
import { FolderHandle } from '../filesystem/folder-handle';
import type { ResolvedScheduledBackup } from '../options/resolved';
import { establishDatabaseId, noteBackup, notedBackup } from './database-id';
import {
  backupPath,
  listBackups,
  manifestPath,
  momentOfName,
  orphanedManifests,
  readClues,
  removeBackups,
  type StoredBackup,
} from './folder';
import { manifestOf, completeManifest, writeManifest } from './manifest';
import type { BackupResult } from './options';
import { takeScheduleLock } from './schedule-lock';
import { dueBackup, type Due, isOverdue, retention } from './schedule-rules';
import { sweepStaging } from './staging-folder';
import { stepFailure } from './steps';
import { BackupProofs } from './unchanged';

export interface ScheduleDependencies {
  /** Canonical path of the database. */
  readonly source: string;
  /** The connection only reads: the `-backup-id` that stands beside the database is not rewritten. Default `false`. */
  readonly isReadonly?: boolean | undefined;
  /**
   * Makes one verified backup of a name that is free; it must end when `signal` aborts. `onFinished` is called just before the
   * copy takes its name.
   */
  readonly backup: (
    destination: string,
    signal: AbortSignal,
    onFinished: (result: BackupResult) => Promise<void>,
  ) => Promise<BackupResult>;
  /** A run failed; `path` is the file that it was to make. */
  readonly onFailure: (error: Error, next: Due, path: string) => void;
  /** A one-time notice for the operator: foreign files, a copied database, an old backup that stays. */
  readonly onWarning?:
    ((code: string, message: string, details: Readonly<Record<string, unknown>>) => void) | undefined;
  /** Old backups were removed. */
  readonly onRemoved?: ((paths: readonly string[]) => void) | undefined;
  /** Milliseconds since 1970. Default: the system's clock. */
  readonly now?: (() => number) | undefined;
  /** Milliseconds after which a wait reads the clock again. Default 60 000. */
  readonly longestWaitMs?: number | undefined;
  /** A folder on a filesystem with locks. Default: that of the backups. */
  readonly lockDirectory?: (() => string | Promise<string>) | undefined;
  readonly nativeBinding?: string | undefined;
}

export interface ScheduleState {
  readonly lastBackup: { readonly path: string; readonly at: string; readonly ageMs: number } | null;
  /** Since the last backup was started, or, before the first one, since the schedule was. */
  readonly ageMs: number;
  /** When the next one starts, ISO 8601; `null` before the folder was read, and after the stop. */
  readonly next: string | null;
  readonly running: boolean;
  /** Failures since the last success. */
  readonly failures: number;
  readonly lastError: Error | null;
  /** Why no backup was made for two intervals; else `null`. */
  readonly overdue: string | null;
}

export interface Schedule {
  /** Looks whether one is due, and makes it, as its timer does. Not while one runs. */
  begin(): void;
  state(): ScheduleState;
  /** Ends the schedule and aborts a running backup; resolves when no part of it is running any more. */
  stop(): Promise<void>;
}

/**
 * Milliseconds after which a wait reads the clock again. A timer stands still while the machine sleeps or the virtual machine
 * is paused: without it, a daily backup of a laptop that is awake for eight hours a day would be made every third day.
 */
const longestWaitMs = 60_000;
/** Milliseconds before another attempt if another process has the schedule lock. */
const turnRetryMs = 5000;

/** Starts the schedule; its timer does not keep the process alive. */
export function startSchedule(options: ResolvedScheduledBackup, dependencies: ScheduleDependencies): Schedule {
  const schedule = new RunningSchedule(options, dependencies);
  schedule.begin();
  return schedule;
}

type BackupName = Pick<StoredBackup, 'path' | 'moment'>;

class RunningSchedule implements Schedule {
  readonly #options: ResolvedScheduledBackup;
  readonly #dependencies: ScheduleDependencies;
  readonly #now: () => number;
  readonly #began: number;
  readonly #ending = new AbortController();
  readonly #told = new Set<string>();
  #id: string | null = null;
  readonly #proofs = new BackupProofs();
  #own: readonly StoredBackup[] = [];
  /** The newest one that a process before this one noted, until the folder was read. */
  #noted: BackupName | null = null;
  #next: number | null = null;
  #failures = 0;
  #lastFailure: number | null = null;
  #lastError: Error | null = null;
  #waitsForTurn = false;
  /** Another database of the same name has backups in the folder. */
  #hasNamesake = false;
  #timer: NodeJS.Timeout | undefined;
  #run: Promise<void> | null = null;
  /** The file of the current or last run. */
  #path: string;

  constructor(options: ResolvedScheduledBackup, dependencies: ScheduleDependencies) {
    this.#options = options;
    this.#dependencies = dependencies;
    this.#now = dependencies.now ?? wallClockNow;
    this.#began = this.#now();
    this.#path = options.directory;
  }

  begin(): void {
    this.#run = this.#turn()
      .catch((cause: unknown) => {
        if (this.#ending.signal.aborted) return 0;
        this.#failures += 1;
        this.#lastFailure = this.#now();
        this.#lastError = this.#typed(cause);
        const again = this.#due();
        this.#dependencies.onFailure(this.#lastError, again, this.#path);
        return again.at;
      })
      .then(at => {
        this.#run = null;
        if (!this.#ending.signal.aborted) this.#wait(at);
      });
  }

  state(): ScheduleState {
    const now = this.#now();
    const newest = this.#own.at(-1);
    const ageMs = Math.max(0, now - (newest?.moment ?? this.#began));
    const lastBackup =
      newest === undefined ? null : { path: newest.path, at: new Date(newest.moment).toISOString(), ageMs };
    return {
      lastBackup,
      ageMs,
      next: this.#next === null ? null : new Date(this.#next).toISOString(),
      running: this.#run !== null,
      failures: this.#failures,
      lastError: this.#lastError,
      overdue: this.#overdue(now, newest?.moment ?? null),
    };
  }

  async stop(): Promise<void> {
    this.#ending.abort();
    clearTimeout(this.#timer);
    this.#next = null;
    await this.#run;
  }

  #overdue(now: number, newest: number | null): string | null {
    const { intervalMs } = this.#options;
    if (this.#ending.signal.aborted || !isOverdue({ now, began: this.#began, newest, intervalMs })) return null;
    if (this.#waitsForTurn) return 'another process is making it, and does not finish';
    if (this.#lastError !== null) return errorMessage(this.#lastError);
    return this.#run === null ? 'its timer did not run' : 'the running one does not finish';
  }

  async #turn(): Promise<number> {
    const { directory, intervalMs } = this.#options;
    const { source, lockDirectory, nativeBinding } = this.#dependencies;
    this.#path = directory;
    FolderHandle.make(directory, folderModeFor(source)).close();
    const id = await this.#identify();
    await this.#look(id);
    if (this.#due().at > this.#now()) return this.#settled();
    const name = `${parse(source).name}-${id.slice(0, 8)}`;
    const giveBack = await takeScheduleLock((await lockDirectory?.()) ?? directory, name, nativeBinding);
    this.#waitsForTurn = giveBack === null;
    if (giveBack === null) return this.#now() + Math.min(turnRetryMs, intervalMs);
    try {
      // Another process may have made it while this one waited for the lock.
      await this.#look(id);
      if (this.#due().at <= this.#now()) await this.#make(id);
    } finally {
      await giveBack();
    }
    return this.#settled();
  }

  /** True if a backup newer than the last failure exists, from any process. */
  #settled(): number {
    const due = this.#due();
    if (due.reason === 'retry') return due.at;
    this.#failures = 0;
    this.#lastFailure = null;
    this.#lastError = null;
    return this.#due().at;
  }

  async #identify(): Promise<string> {
    if (this.#id !== null) return this.#id;
    const { directory } = this.#options;
    const { source, isReadonly = false } = this.#dependencies;
    await sweepStaging(dirname(source), wallClockNow(), true);
    const clues = await readClues(directory);
    const { id, notice } = await establishDatabaseId(source, clues, { mayFollow: !isReadonly });
    if (notice !== null) this.#tell('backup-identity', notice, { id });
    const shared = sharedFolders(directory);
    if (shared.length > 0) {
      this.#tell(
        'shared-backup-folder',
        `Other users may write in ${shared.join(', ')}, and so can remove or exchange the backups in ${directory}. Only files of this user count as backups.`,
        { directory, shared },
      );
    }
    const name = notedBackup(source, id, directory);
    const moment = name === null ? null : momentOfName(name);
    this.#noted = name === null || moment === null ? null : { path: join(directory, name), moment };
    this.#id = id;
    return id;
  }

  async #look(id: string): Promise<void> {
    const { directory } = this.#options;
    const found = await listBackups(directory, { source: this.#dependencies.source, id });
    this.#tellGone(this.#own.at(-1) ?? this.#noted, found);
    this.#noted = null;
    this.#own = await this.#withProvenNewest(found.filter(({ kind }) => kind === 'own'));
    const of = (kind: StoredBackup['kind']): string[] =>
      found.filter(each => each.kind === kind).map(each => each.path);
    this.#hasNamesake = of('other').length > 0;
    const [older, changed, foreign] = [of('older'), of('changed'), of('foreign')];
    if (older.length > 0) {
      this.#tell(
        'older-backups',
        `${count(older.length, 'backup')} in ${directory} ${older.length === 1 ? 'names its' : 'name their'} database by its path alone, as an older version of this library did; another database may have had that path. They stay there, do not count, and are not removed: delete them once newer ones exist.`,
        { directory, paths: older },
      );
    }
    if (changed.length > 0) {
      this.#tell(
        'changed-backups',
        `${count(changed.length, 'backup')} in ${directory} ${changed.length === 1 ? 'is' : 'are'} not as long as the manifest says, and ${changed.length === 1 ? 'does' : 'do'} not count: ${changed.at(-1)}.`,
        { directory, paths: changed },
      );
    }
    if (foreign.length > 0) {
      this.#tell(
        'foreign-backups',
        `${count(foreign.length, 'file')} in ${directory} ${foreign.length === 1 ? 'looks like a backup of this database, belongs' : 'look like backups of this database, belong'} to another user, and ${foreign.length === 1 ? 'does' : 'do'} not count: ${foreign.at(-1)}.`,
        { directory, paths: foreign },
      );
    }
  }

  /** `keep` never removes the newest one: if it is gone, and none is newer, something else took it away. */
  #tellGone(newest: BackupName | null, found: readonly StoredBackup[]): void {
    if (newest === null || found.some(({ kind, moment }) => kind !== 'other' && moment >= newest.moment)) return;
    const { directory } = this.#options;
    this.#tell(
      'backups-gone',
      `${newest.path} is gone, and no newer backup is in ${directory}: something removed it, or another disk is mounted there than before, or none. New backups are made there.`,
      { directory, path: newest.path },
    );
  }

  /**
   * The newest one decides when the next backup is due, and is shown as the last one: it must have the bytes of its manifest.
   * One that cannot be read now counts: it says nothing bad.
   */
  async #withProvenNewest(own: readonly StoredBackup[]): Promise<readonly StoredBackup[]> {
    const counted = [...own];
    for (let newest = counted.at(-1); newest !== undefined; newest = counted.at(-1)) {
      if ((await this.#proofs.proofOf(newest, this.#ending.signal)) !== 'changed') break;
      this.#tellChanged(newest.path);
      counted.pop();
    }
    return counted;
  }

  /**
   * What may be removed: it has the bytes of its manifest, and so has every backup on whose account it goes. What was
   * changed, or cannot be read now, stays and does not count.
   */
  async #removable(): Promise<readonly StoredBackup[]> {
    let counted = this.#own;
    for (;;) {
      const { keep, remove } = retention(counted, each => each.moment, this.#now(), this.#options.keep);
      if (remove.length === 0) return [];
      const unproven = new Set<StoredBackup>();
      for (const backup of [...keep.map(({ item }) => item), ...remove]) {
        const proof = await this.#proofs.proofOf(backup, this.#ending.signal);
        if (proof === 'unchanged') continue;
        unproven.add(backup);
        if (proof === 'changed') this.#tellChanged(backup.path);
        else this.#tellUnread(backup.path);
      }
      if (unproven.size === 0) return remove;
      counted = counted.filter(each => !unproven.has(each));
    }
  }

  #tellUnread(path: string): void {
    this.#tell(
      'unread-backup',
      `${path} was changed after it was made, and cannot be read now, so it is not known to be whole. \`keep\` does not count it and does not remove it.`,
      { path },
    );
  }

  #tellChanged(path: string): void {
    this.#tell(
      'altered-backup',
      `${path} does not have the content that its manifest says: something changed it after it was made. It does not count, and is not removed.`,
      { path },
    );
  }

  async #make(id: string): Promise<void> {
    const { directory } = this.#options;
    const { source, onRemoved } = this.#dependencies;
    let moment = this.#now();
    const folder = FolderHandle.open(directory);
    try {
      for (const orphan of await orphanedManifests(directory, id, wallClockNow())) {
        await rm(folder.at(basename(orphan)), { force: true }).catch(() => {});
      }
      const pathAt = (): string => backupPath(directory, source, moment, this.#hasNamesake ? id : null);
      while (existsSync(pathAt()) || existsSync(manifestPath(pathAt()))) moment += 1;
      this.#path = pathAt();
      try {
        await this.#makeAs(this.#path, folder, id, moment);
      } catch (error) {
        // A database of the same name began one in the same millisecond: the name of the database in it keeps them apart.
        const path = backupPath(directory, source, moment, id);
        if (!isTaken(error) || path === this.#path) throw error;
        this.#path = path;
        await this.#makeAs(path, folder, id, moment);
      }
      // Without the note only the process that made it notices that it is gone.
      if (this.#dependencies.isReadonly !== true) await noteBackup(source, id, this.#path).catch(() => {});
      await this.#look(id);
      const { removed, failures } = await removeBackups(folder, await this.#removable());
      if (removed.length > 0) onRemoved?.(removed);
      this.#own = this.#own.filter(({ path }) => !removed.includes(path));
      for (const error of failures) {
        this.#tell('old-backup-stays', `An old backup could not be removed: ${error.message}`, { directory, error });
      }
    } finally {
      folder.close();
    }
  }

  /** The manifest comes first: a backup without one has no owner, and would stay for ever after a kill between the two. */
  async #makeAs(path: string, folder: FolderHandle, id: string, moment: number): Promise<void> {
    const { source, backup } = this.#dependencies;
    const stats = statSync(source, { throwIfNoEntry: false }) ?? null;
    const manifest = manifestPath(path);
    let described = false;
    try {
      await backup(path, this.#ending.signal, async result => {
        await writeManifest(folder, manifest, manifestOf({ source, id, stats }, moment, result));
        described = true;
      });
      await completeManifest(folder, path, manifest);
    } catch (error) {
      if (described) await rm(folder.at(basename(manifest)), { force: true }).catch(() => {});
      throw error;
    }
  }

  /** A system error of the folder becomes a `BackupError`; a failure of the backup itself already is one. */
  #typed(cause: unknown): Error {
    if (textOf(cause, 'syscall') === null) return asError(cause);
    return stepFailure(BackupError, 'scheduled backup', 'folder', cause, { destination: this.#path });
  }

  #due(): Due {
    return dueBackup({
      now: this.#now(),
      backups: this.#own.map(each => each.moment),
      intervalMs: this.#options.intervalMs,
      failures: this.#failures,
      lastFailure: this.#lastFailure,
    });
  }

  #wait(at: number): void {
    this.#next = at;
    const left = at - this.#now();
    const longest = this.#dependencies.longestWaitMs ?? longestWaitMs;
    const next = (): void => (left > longest && this.#now() < at ? this.#wait(at) : this.begin());
    this.#timer = setTimeout(next, Math.max(0, Math.min(longest, left))).unref();
  }

  /** Once each: repeating the same an hour later is no news. */
  #tell(code: string, message: string, details: Readonly<Record<string, unknown>>): void {
    if (this.#told.has(code)) return;
    this.#told.add(code);
    this.#dependencies.onWarning?.(code, message, details);
  }
}

/** Another database has the name: link(2) says so, as the cause of a `BackupError`. */
function isTaken(error: unknown): boolean {
  return errorCode(error) === 'EEXIST' || errorCode(memberOf(error, 'cause')) === 'EEXIST';
}

/** A folder created here can be listed by the readers of the database, and no other user. */
function folderModeFor(source: string): number {
  const mode = statSync(source, { throwIfNoEntry: false })?.mode ?? 0o600;
  const others = ((mode & 0o040) === 0 ? 0 : 0o050) | ((mode & 0o004) === 0 ? 0 : 0o005);
  return 0o700 | others;
}
