/** How much of a file's WAL waits to be copied: asked of SQLite where a connection is free, else guessed from stat. */
import { statSync, type Stats } from 'node:fs';
import type { NativeDatabase } from '../native/better-sqlite3';
import type { FileUser } from './user';

export interface WalState {
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

/**
 * `wal_checkpoint(NOOP)` answers (busy, frames, copied frames) and copies nothing: 1 µs. SQLite has it since 3.51, and
 * takes an unknown word for PASSIVE.
 */
const noopSince = { major: 3, minor: 51 };

interface Question {
  readonly statement: NativeDatabase.Statement<unknown[]>;
  readonly frameBytes: number;
}

const questions = new WeakMap<FileUser, Question | null>();

/** The state of the `-wal` beside `file`; `since` is the wall clock, in ms, of the last checkpoint that was complete. */
export function readWalState(file: string, users: Iterable<FileUser>, since: number): WalState {
  const stats = statOf(`${file}-wal`);
  const fileBytes = stats?.size ?? 0;
  if (fileBytes === 0) return { walBytes: 0, pendingBytes: 0, fileBytes, exact: true };
  for (const user of users) {
    const frames = ask(user);
    if (frames !== null) return { ...frames, fileBytes, exact: true };
  }
  // The file is as large as the WAL ever was, and its time says whether anything was written to it at all.
  return { walBytes: fileBytes, pendingBytes: (stats?.mtimeMs ?? 0) > since ? fileBytes : 0, fileBytes, exact: false };
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

function ask(user: FileUser): { readonly walBytes: number; readonly pendingBytes: number } | null {
  if (!user.checkpoints || isOccupied(user)) return null;
  try {
    return user.connection.verbose.quietly(() => {
      let question = questions.get(user);
      if (question === undefined) questions.set(user, (question = prepare(user)));
      if (question === null) return null;
      const [, frames, copied] = question.statement.get() as [number, number, number];
      // -1: the database is not in WAL mode.
      const bytes = (count: number): number => Math.max(0, count) * question.frameBytes;
      return { walBytes: bytes(frames), pendingBytes: bytes(frames - copied) };
    });
  } catch {
    // A statement that called back into JavaScript is still running.
    return null;
  }
}

function prepare({ connection, schema }: FileUser): Question | null {
  const { native, plan } = connection;
  const [major = 0, minor = 0] = plan.sqliteVersion.split('.').map(Number);
  if (major < noopSince.major || (major === noopSince.major && minor < noopSince.minor)) return null;
  const name = `"${schema.replaceAll('"', '""')}"`;
  const pageSize = Number(native.pragma(`${name}.page_size`, { simple: true }));
  const statement = native.prepare(`PRAGMA ${name}.wal_checkpoint(NOOP)`).raw().safeIntegers(false);
  return { statement, frameBytes: pageSize + frameHeaderBytes };
}
