/** Brings a database into the journal mode that was planned, and proves that SQLite can use it there. */
import { isSqliteFailure } from '../errors/translate';
import { UnprovedProtectionError } from '../errors/refusals';
import type { NativeDatabase } from '../native/better-sqlite3';
import { readPage } from './protect';

type Native = NativeDatabase.Database;

/** First and longest pause between two tries to switch the mode, in milliseconds: other openers need a moment only. */
const firstPauseMs = 1;
const longestPauseMs = 25;

export interface JournalRequest {
  readonly mode: 'wal' | 'delete';
  /** How long to wait for other connections, in milliseconds: the `timeout` option. */
  readonly timeoutMs: number;
}

/** Throws when the mode cannot be had; the file is then in the mode it was in before. */
export function enterJournalMode(native: Native, request: JournalRequest): void {
  const before = currentMode(native);
  if (before !== request.mode) waitWhileBusy(request.timeoutMs, () => native.pragma(`journal_mode = ${request.mode}`));
  try {
    // `journal_mode = WAL` claims success where `-shm` cannot be mapped; the next read is what fails.
    readPage(native, 'main');
  } catch (error) {
    if (before !== request.mode) leaveWal(native, before);
    throw error;
  }
  const after = currentMode(native);
  if (after === request.mode) return;
  throw new UnprovedProtectionError(
    `SQLite left ${native.name} in journal mode "${after}" when asked for "${request.mode}".`,
    {
      hint:
        request.mode === 'wal'
          ? "Open it with `journalMode: 'rollback'`: its filesystem cannot carry the shared memory of WAL."
          : 'Close every other program that has the database open: a WAL database leaves WAL mode only when it is alone.',
      details: { file: native.name, protection: 'journal-mode', wanted: request.mode, answer: after },
    },
  );
}

function currentMode(native: Native): string {
  return String(native.pragma('journal_mode', { simple: true }));
}

/**
 * A file left in WAL format where `-shm` cannot be mapped stays unreadable for everybody. With an exclusive lock
 * SQLite keeps the index of the WAL in its own memory, and so can leave WAL mode again.
 */
function leaveWal(native: Native, mode: string): void {
  try {
    native.pragma('locking_mode = EXCLUSIVE');
    native.pragma(`journal_mode = ${mode}`);
  } catch {
    // The error that is thrown anyway names the file and the way out.
  }
}

/** SQLite does not wait with its busy handler for the exclusive lock of a mode switch, so several openers would fail. */
function waitWhileBusy(timeoutMs: number, attempt: () => void): void {
  const deadline = performance.now() + timeoutMs;
  for (let pauseMs = firstPauseMs; ; pauseMs = Math.min(pauseMs * 2, longestPauseMs)) {
    try {
      attempt();
      return;
    } catch (error) {
      if (!isBusy(error) || performance.now() + pauseMs > deadline) throw error;
      sleep(pauseMs);
    }
  }
}

function sleep(milliseconds: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds);
}

function isBusy(error: unknown): boolean {
  return isSqliteFailure(error) && error.code.startsWith('SQLITE_BUSY');
}
