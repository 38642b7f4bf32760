/** Reads how much of a file's WAL waits to be copied: from SQLite where a connection is free, else estimated from stat. */
import { performance, wallClockNow } from '../base/clock';
import { quotedName } from '../base/sql-name';
import { statSync, type Stats } from 'node:fs';
import { prepareWalFrames, type WalFrames } from '../native/wal-frames';
import type { FileUser } from './file-user';

export interface WalStatus {
  /** Bytes of all frames since the last WAL reset. */
  readonly walBytes: number;
  /** Bytes of the frames that are not yet in the database. */
  readonly pendingBytes: number;
  /** Size of the `-wal` file. */
  readonly fileBytes: number;
  /** False: estimated, because every connection of this thread is in a transaction. */
  readonly exact: boolean;
}

/** Bytes before each page in the WAL, and before all frames. https://sqlite.org/fileformat2.html#the_write_ahead_log */
const frameHeaderBytes = 24;

/** Milliseconds. Two writes within this time may leave the same timestamp on the file. */
const clockTickMs = 50;

/** ms. So old may be what is known of a WAL with frames that wait, and to which nothing is written. */
const askAgainMs = 5000;

interface Question {
  readonly ask: () => WalFrames;
  readonly pageSize: () => number;
  /** As of the last poll: the application may leave WAL mode for another page size. */
  frameBytes: number;
}

const questions = new WeakMap<FileUser, Question | null>();

/**
 * Returns the state of the WAL without a stat of its file, which last had `fileBytes`; `null` if no connection is free
 * to ask.
 *
 * After a `stat` Linux gives the next write to the file its own timestamp (since 6.13, "multigrain timestamps"), and
 * the sync of that write also writes the inode: measured, such a commit takes a third longer.
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
 * Returns the state of the `-wal` beside `file`, with a stat; `since` is the wall clock, in milliseconds, of the last
 * complete checkpoint.
 */
export function readWalStatus(file: string, users: Iterable<FileUser>, since: number): WalStatus {
  return walStatusFrom(statOf(`${file}-wal`), users, since);
}

function walStatusFrom(stats: Stats | undefined, users: Iterable<FileUser>, since: number): WalStatus {
  const fileBytes = stats?.size ?? 0;
  if (fileBytes === 0) return { walBytes: 0, pendingBytes: 0, fileBytes, exact: true };
  const asked = askFirstFree(users, fileBytes, 'anew');
  if (asked !== null) return asked;
  // The file is as large as the WAL ever was, and its timestamp tells whether it was written since. If the clock went
  // back since then, it tells nothing.
  const written = (stats?.mtimeMs ?? 0) > since || since > wallClockNow();
  return { walBytes: fileBytes, pendingBytes: written ? fileBytes : 0, fileBytes, exact: false };
}

/** The scheduler's view of a file's WAL. */
export class WalView {
  readonly #wal: string;
  readonly #users: ReadonlySet<FileUser>;
  /** Bytes of the `-wal` at the last stat. */
  #fileBytes = 0;
  /** Wall clock in milliseconds, compared with the timestamp of the `-wal`. */
  #completeAt = 0;
  #walBytes = 0;
  #copiedBytes = 0;
  #commits = 0;
  #restarts = 0;
  /** The state as SQLite said it, as long as nothing is written to the WAL: it need not be asked again. */
  #known: WalStatus | null = null;
  #knownMtimeMs = 0;
  /** ms of the monotonic clock: a checkpoint of another process does not show in the `-wal`. */
  #knownUntil = 0;

  constructor(file: string, users: ReadonlySet<FileUser>) {
    this.#wal = `${file}-wal`;
    this.#users = users;
  }

  /** Commits of this thread since the last WAL reset that was seen. */
  get commits(): number {
    return this.#commits;
  }

  /** Number of WAL resets seen. */
  get restarts(): number {
    return this.#restarts;
  }

  /** Called for each commit. */
  count(): void {
    this.#commits += 1;
  }

  look(): WalStatus {
    const stats = statOf(this.#wal);
    const now = performance.now();
    const unchanged = stats?.size === this.#known?.fileBytes && stats?.mtimeMs === this.#knownMtimeMs;
    if (this.#known !== null && unchanged && now < this.#knownUntil) return this.#known;
    const state = walStatusFrom(stats, this.#users, this.#completeAt);
    this.#fileBytes = state.fileBytes;
    const settled = stats !== undefined && wallClockNow() - stats.mtimeMs > clockTickMs;
    this.#known = settled && state.exact ? state : null;
    this.#knownMtimeMs = stats?.mtimeMs ?? 0;
    this.#knownUntil = state.pendingBytes === 0 ? Number.POSITIVE_INFINITY : now + askAgainMs;
    return this.#seen(state);
  }

  /** For the frequent polls beside commits: avoids a stat of the file if possible. */
  ask(): WalStatus {
    const state = askWalStatus(this.#users, this.#fileBytes);
    return state === null ? this.look() : this.#seen(state);
  }

  /** Bytes added to the WAL since it was last seen; 0 if no connection is free to ask. */
  growth(): number {
    const walBytes = askWalStatus(this.#users, this.#fileBytes)?.walBytes ?? this.#walBytes;
    return walBytes < this.#walBytes ? walBytes : walBytes - this.#walBytes;
  }

  /** A checkpoint has run. */
  attempted(): void {
    this.#known = null;
  }

  /** It has copied everything. */
  completed(): void {
    this.#completeAt = wallClockNow();
  }

  #seen(state: WalStatus): WalStatus {
    if (!state.exact) return state;
    const copiedBytes = state.walBytes - state.pendingBytes;
    // After a reset the WAL may already be larger, but its backfilled part starts at zero.
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
 * Checks whether another program has switched the file to WAL mode, which a rollback journal does not prevent: the
 * automatic checkpoint is off, and these frames would never be copied. True for a newly found switch.
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
    // A statement that called back into JavaScript is still running: the next poll will tell.
    return null;
  }
}

/** Called in a timer, where an error of a vanishing folder would end the process. */
function statOf(path: string): Stats | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false });
  } catch {
    return undefined;
  }
}

/** True if a statement or transaction of the application is open on the connection, or it is closed. */
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

// Tracks whether an `inline` led to a WAL reset, judged by later states.

export class Restarts {
  /** Bytes of the WAL at the finish, below which it must fall; `null` if none is expected. */
  #finishedAt: number | null = null;
  #restarts = 0;

  /** Everything was copied and this thread wrote nothing meanwhile; `null`: not everything. */
  expectAfter(walBytes: number | null): void {
    this.#finishedAt = walBytes;
  }

  /** `restarts`: number of WAL resets seen. `'pinned'`: SQLite has appended to the finished WAL. */
  judge({ walBytes, exact }: WalStatus, restarts: number): 'restarted' | 'pinned' | 'undecided' {
    const restarted = restarts > this.#restarts;
    const appended = exact && this.#finishedAt !== null && walBytes > this.#finishedAt;
    this.#restarts = restarts;
    if (restarted || appended) this.#finishedAt = null;
    if (restarted) return 'restarted';
    return appended ? 'pinned' : 'undecided';
  }
}
