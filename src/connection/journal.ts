/** Opens a database in the planned journal mode, and verifies that SQLite can use it there. */
import { performance } from '../base/clock';
import { sleepSync } from '../base/sleep';
import { isSqliteFailure } from '../errors/translate';
import { UnprovedProtectionError } from '../errors/refusals';
import type { NativeDatabase } from '../native/better-sqlite3';
import { readPage } from './set-pragmas';

type Native = NativeDatabase.Database;

/** First and longest pause between two attempts to switch the mode, in milliseconds: other openers finish quickly. */
const pauses = { first: 1, longest: 25 };
/**
 * The same between two connections that both want to leave WAL mode: long compared with the 10 ms for which each holds
 * its lock.
 */
const reopenPauses = { first: 10, longest: 200 };

export interface JournalRequest {
  readonly mode: 'wal' | 'delete' | 'truncate';
  /** How long to wait for other connections, in milliseconds: the `timeout` option. */
  readonly timeoutMs: number;
}

/** Opens and discards native connections. */
export interface Opener {
  readonly open: () => Native;
  /** Closes a connection without running its final checkpoint. */
  readonly discard: (native: Native) => void;
}

/**
 * Throws if the mode is not available; the file then keeps its previous mode, and nothing is open.
 *
 * A connection that has read a WAL database keeps a shared lock on it until it is closed, and leaving WAL mode needs
 * exclusive access to the file. Two processes that open it to leave WAL mode would lock each other out until both have
 * timed out; each therefore closes its connection before a wait of random length, and the one that is briefly alone
 * succeeds.
 */
export function openInJournalMode({ open, discard }: Opener, request: JournalRequest): Native {
  return whileBusy(request, reopenPauses, remainingMs => {
    const native = open();
    try {
      const before = currentMode(native);
      enterJournalMode(native, before, { ...request, timeoutMs: before === 'wal' ? 0 : remainingMs });
      return native;
    } catch (error) {
      discard(native);
      if (!(error instanceof UnreadableWal)) throw error;
      leaveWal({ open, discard }, error.modeBefore);
      throw error.failure;
    }
  });
}

/** The file was set to WAL, and cannot be read in it. */
class UnreadableWal extends Error {
  readonly failure: unknown;
  readonly modeBefore: string;

  constructor(failure: unknown, modeBefore: string) {
    super('The file cannot be read in WAL mode.');
    this.failure = failure;
    this.modeBefore = modeBefore;
  }
}

function enterJournalMode(native: Native, before: string, request: JournalRequest): void {
  // Nothing is set, so nothing need be read back.
  if (before === request.mode) return readPage(native, 'main');
  for (let tries = modeTries; ; tries--) {
    switchMode(native, before, request);
    const after = currentMode(native);
    if (after === request.mode) return;
    if (tries <= 1) throw unchanged(native, after, request);
    sleepSync(pauses.longest);
  }
}

/** Measured on Windows under Wine, six openers at once: SQLite may keep the mode without an error, and change it a moment later. */
const modeTries = 8;

function switchMode(native: Native, before: string, request: JournalRequest): void {
  // SQLite does not use its busy handler for the exclusive lock of a mode switch, so several openers would fail.
  whileBusy(request, pauses, () => native.pragma(`journal_mode = ${request.mode}`));
  try {
    // `journal_mode = WAL` reports success even if `-shm` cannot be mapped; the next read fails.
    readPage(native, 'main');
  } catch (error) {
    throw new UnreadableWal(error, before);
  }
}

function unchanged(native: Native, after: string, request: JournalRequest): UnprovedProtectionError {
  return new UnprovedProtectionError(
    `SQLite left ${native.name} in journal mode "${after}" when asked for "${request.mode}".`,
    {
      hint:
        request.mode === 'wal'
          ? "Open it with `journalMode: 'rollback'`: its filesystem does not support the shared memory of WAL."
          : 'Close every other program that has the database open: a WAL database leaves WAL mode only when it is alone.',
      details: { file: native.name, protection: 'journal-mode', wanted: request.mode, answer: after },
    },
  );
}

function currentMode(native: Native): string {
  return String(native.pragma('journal_mode', { simple: true }));
}

/**
 * A file left in WAL format where `-shm` cannot be mapped stays unreadable for every process. A connection whose lock is
 * exclusive before it reads anything keeps the WAL index in its own memory, and can leave WAL mode again.
 */
function leaveWal({ open, discard }: Opener, mode: string): void {
  let native: Native | null = null;
  try {
    native = open();
    native.pragma('locking_mode = EXCLUSIVE');
    native.pragma(`journal_mode = ${mode}`);
  } catch {
    // The thrown error names the file and the remedy anyway.
  }
  if (native !== null) discard(native);
}

function whileBusy<Result>(
  { timeoutMs }: JournalRequest,
  { first, longest }: typeof pauses,
  attempt: (remainingMs: number) => Result,
): Result {
  const deadline = performance.now() + timeoutMs;
  for (let limitMs = first; ; limitMs = Math.min(limitMs * 2, longest)) {
    try {
      return attempt(Math.max(0, deadline - performance.now()));
    } catch (error) {
      const pauseMs = limitMs * (0.5 + Math.random());
      if (!isBusy(error) || performance.now() + pauseMs > deadline) throw error;
      sleepSync(pauseMs);
    }
  }
}

function isBusy(error: unknown): boolean {
  return isSqliteFailure(error) && error.code.startsWith('SQLITE_BUSY');
}
