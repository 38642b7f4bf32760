/** How much of a file's WAL waits to be copied: asked of SQLite where a connection is free, else guessed from stat. */
import { wallClockNow } from '../base/clock';
import { quotedName } from '../base/sql-name';
import { statSync, type Stats } from 'node:fs';
import { prepareWalFrames, type WalFrames } from '../native/wal-frames';
import type { FileUser } from './file-user';

export interface WalStatus {
  /** Bytes of all frames since the WAL started over. */
  readonly walBytes: number;
  /** Bytes of the frames that are not in the database yet. */
  readonly pendingBytes: number;
  /** Size of the `-wal` file. */
  readonly fileBytes: number;
  /** False: guessed, because every connection of this thread is in a transaction. */
  readonly exact: boolean;
}

/** Bytes before each page in the WAL, and before all frames. https://sqlite.org/fileformat2.html#the_write_ahead_log */
const frameHeaderBytes = 24;

/** ms. Two writes within so long may leave the same time at the file. */
const clockTickMs = 50;

interface Question {
  readonly ask: () => WalFrames;
  readonly pageSize: () => number;
  /** As of the last look at the file: the application may leave WAL mode for another page size. */
  frameBytes: number;
}

const questions = new WeakMap<FileUser, Question | null>();

/**
 * The state of the WAL without a look at its file, which had `fileBytes` at the last one; `null` when no connection is
 * free to be asked.
 *
 * After a `stat` Linux gives the next write to the file a time of its own (since 6.13, "multigrain timestamps"), and the
 * sync of that write has the inode to write as well: measured, such a commit takes a third longer.
 */
export function askWalStatus(users: Iterable<FileUser>, fileBytes: number): WalStatus | null {
  return askFirstFree(users, fileBytes, 'known');
}

function askFirstFree(users: Iterable<FileUser>, fileBytes: number, pageSize: 'known' | 'anew'): WalStatus | null {
  for (const user of users) {
    const frames = ask(user, pageSize);
    if (frames !== null) return { ...frames, fileBytes: Math.max(fileBytes, frames.walBytes), exact: true };
  }
  return null;
}

/**
 * The state of the `-wal` beside `file`, with a look at it; `since` is the wall clock, in ms, of the last checkpoint that
 * was complete.
 */
export function readWalStatus(file: string, users: Iterable<FileUser>, since: number): WalStatus {
  return walStatusFrom(statOf(`${file}-wal`), users, since);
}

function walStatusFrom(stats: Stats | undefined, users: Iterable<FileUser>, since: number): WalStatus {
  const fileBytes = stats?.size ?? 0;
  if (fileBytes === 0) return { walBytes: 0, pendingBytes: 0, fileBytes, exact: true };
  const asked = askFirstFree(users, fileBytes, 'anew');
  if (asked !== null) return asked;
  // The file is as large as the WAL ever was, and its time says whether anything was written to it at all.
  // A clock that was set back since then says nothing.
  const written = (stats?.mtimeMs ?? 0) > since || since > wallClockNow();
  return { walBytes: fileBytes, pendingBytes: written ? fileBytes : 0, fileBytes, exact: false };
}

/** The WAL of a file as the scheduler looks at it. */
export class WalView {
  readonly #wal: string;
  readonly #users: ReadonlySet<FileUser>;
  /** Bytes of the `-wal` at the last look at it. */
  #fileBytes = 0;
  /** Wall clock, in ms: what the time of the `-wal` is compared with. */
  #completeAt = 0;
  #walBytes = 0;
  #copiedBytes = 0;
  #commits = 0;
  #restarts = 0;
  /** The state of a WAL that was copied in full, as long as nothing is written to it: SQLite need not be asked again. */
  #copied: WalStatus | null = null;
  #copiedMtimeMs = 0;

  constructor(file: string, users: ReadonlySet<FileUser>) {
    this.#wal = `${file}-wal`;
    this.#users = users;
  }

  /** Commits of this thread since the WAL started over, as far as that was seen. */
  get commits(): number {
    return this.#commits;
  }

  /** How often it was seen to have started over. */
  get restarts(): number {
    return this.#restarts;
  }

  /** Called for each commit. */
  count(): void {
    this.#commits += 1;
  }

  look(): WalStatus {
    const stats = statOf(this.#wal);
    if (this.#copied !== null && stats?.size === this.#copied.fileBytes && stats.mtimeMs === this.#copiedMtimeMs) {
      return this.#copied;
    }
    const state = walStatusFrom(stats, this.#users, this.#completeAt);
    this.#fileBytes = state.fileBytes;
    const settled = stats !== undefined && wallClockNow() - stats.mtimeMs > clockTickMs;
    this.#copied = settled && state.exact && state.pendingBytes === 0 ? state : null;
    this.#copiedMtimeMs = stats?.mtimeMs ?? 0;
    return this.#seen(state);
  }

  /** For the many looks beside commits: without one at the file, where it can be done without. */
  ask(): WalStatus {
    const state = askWalStatus(this.#users, this.#fileBytes);
    return state === null ? this.look() : this.#seen(state);
  }

  /** Bytes that came to the WAL since it was seen last; 0 where no connection is free to be asked. */
  growth(): number {
    const walBytes = askWalStatus(this.#users, this.#fileBytes)?.walBytes ?? this.#walBytes;
    return walBytes < this.#walBytes ? walBytes : walBytes - this.#walBytes;
  }

  /** A checkpoint has copied everything. */
  completed(): void {
    this.#completeAt = wallClockNow();
  }

  #seen(state: WalStatus): WalStatus {
    if (!state.exact) return state;
    const copiedBytes = state.walBytes - state.pendingBytes;
    // A WAL that started over may be the larger one by now, but what is copied of it began at nothing.
    if (state.walBytes < this.#walBytes || copiedBytes < this.#copiedBytes) {
      this.#commits = 0;
      this.#restarts += 1;
    }
    this.#walBytes = state.walBytes;
    this.#copiedBytes = copiedBytes;
    return state;
  }
}

/**
 * Looks whether another program has switched the file to WAL mode, which a rollback journal does not keep it from: the
 * automatic checkpoint is off, and nobody else would ever copy what this process writes. True for a switch just found.
 */
export function noticeSwitch(file: string, users: Iterable<FileUser>): boolean {
  const unaware = [...users].filter(user => !user.checkpoints && !user.connection.plan.readonly && !isOccupied(user));
  if (unaware.length === 0 || statOf(`${file}-wal`) === undefined) return false;
  const switched = unaware.filter(user => journalModeOf(user) === 'wal');
  for (const user of switched) user.entersWal();
  return switched.length > 0;
}

function journalModeOf({ connection, schema }: FileUser): unknown {
  try {
    return connection.verbose.quietly(() =>
      connection.native.pragma(`${quotedName(schema)}.journal_mode`, { simple: true }),
    );
  } catch {
    // A statement that called back into JavaScript is still running: the next look will tell.
    return null;
  }
}

/** Asked in a timer, where an error of a folder that is going away would end the process. */
function statOf(path: string): Stats | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false });
  } catch {
    return undefined;
  }
}

/** Whether a statement or transaction of the application is open on the connection, or it is closed. */
export function isOccupied({ connection }: FileUser): boolean {
  const { native } = connection;
  return !native.open || native.inTransaction || !connection.openIterators().next().done;
}

function ask(
  user: FileUser,
  pageSize: 'known' | 'anew',
): { readonly walBytes: number; readonly pendingBytes: number } | null {
  if (!user.checkpoints || isOccupied(user)) return null;
  try {
    return user.connection.verbose.quietly(() => {
      let question = questions.get(user);
      if (question === undefined) questions.set(user, (question = prepare(user)));
      if (question === null) return null;
      if (pageSize === 'anew') question.frameBytes = question.pageSize() + frameHeaderBytes;
      const { frames, copied } = question.ask();
      return {
        walBytes: frames * question.frameBytes,
        pendingBytes: Math.max(0, frames - copied) * question.frameBytes,
      };
    });
  } catch {
    // A statement that called back into JavaScript is still running.
    return null;
  }
}

function prepare({ connection, schema }: FileUser): Question | null {
  const { native } = connection;
  const ask = prepareWalFrames(native, schema);
  if (ask === null) return null;
  const statement = native.prepare(`PRAGMA ${quotedName(schema)}.page_size`).pluck();
  const pageSize = (): number => Number(statement.get());
  return { ask, pageSize, frameBytes: pageSize() + frameHeaderBytes };
}

// Whether the WAL starts over behind a `finish`, told by what is seen of it later.

export class Restarts {
  /** Bytes of the WAL after which it must start over; `null` when nothing was finished. */
  #finishedAt: number | null = null;
  #restarts = 0;

  /** All was copied and nobody of this thread wrote meanwhile; `null`: not all. */
  expectAfter(walBytes: number | null): void {
    this.#finishedAt = walBytes;
  }

  /** `restarts`: how often the WAL was seen to have started over. `'pinned'`: SQLite has appended to what was finished. */
  judge({ walBytes, exact }: WalStatus, restarts: number): 'restarted' | 'pinned' | 'undecided' {
    const restarted = restarts > this.#restarts;
    const appended = exact && this.#finishedAt !== null && walBytes > this.#finishedAt;
    this.#restarts = restarts;
    if (restarted || appended) this.#finishedAt = null;
    if (restarted) return 'restarted';
    return appended ? 'pinned' : 'undecided';
  }
}
