/**
 * Runs one reader process.
 *
 *     this process                              reader process
 *     stdin, held open  ------------------->    a thread waits for its end, then SIGKILLs its own process
 *     IPC: open, query, more, stop  ------->    SQLite, read-only
 *                                <----------    piece, done, error
 *
 * A process, because nothing else can stop SQLite: better-sqlite3 has no interrupt, and terminating a worker thread
 * inside a call of it can abort the application (https://github.com/WiseLibs/better-sqlite3/issues/1507). It shares no
 * descriptors and no locks with the application.
 */
import type { ChildProcess } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { procFolder } from '../base/proc-folder';
import { inMicrotask, performance } from '../base/clock';
import { sleepSync } from '../base/sleep';
import { startProcess, whyNoProcess } from '../native/programs';
import { childEnvironment } from '../options/child-environment';
import type { FromReader, ToReader } from './messages';
import type { Reader, ReaderExit, ReaderListener } from './reader';

const MiB = 1024 * 1024;
/** The signal with which a reader ends itself when it exceeds its memory limit; Windows has none. */
export const outOfMemorySignal = 'SIGUSR2';
/**
 * The young generation is not part of `--max-old-space-size`; a small one costs no speed for rows that only pass
 * through.
 */
const youngMb = 16;
/** A process can overwrite its arguments with a title that is no longer than they are. */
const roomForTitle = ' '.repeat(300);

/** Returns why no reader process is available, with the remedy; `null` if one is. */
export function whyNoReaderProcess(): string | null {
  const obstacle = whyNoProcess('reader');
  return obstacle === null ? null : `${obstacle.reason}; to mend it, ${obstacle.remedy}`;
}

/** Starts a reader process. A failure is reported to the listener, never thrown. */
export function startReaderProcess(memoryBytes: number, listener: ReaderListener): Reader {
  const flags = [`--max-old-space-size=${Math.floor(memoryBytes / MiB)}`, `--max-semi-space-size=${youngMb}`];
  let over = false;
  const end = (exitCode: number | null, signal: string | null, cause: unknown): void => {
    if (over) return;
    over = true;
    listener.exit({ exitCode, signal, cause });
  };
  let child: ChildProcess;
  try {
    child = startProcess('reader', {
      flags,
      arguments: [String(memoryBytes), roomForTitle],
      env: childEnvironment(),
      serialization: 'advanced',
      // Output of the application's functions goes to standard error: standard output may be data of a pipeline.
      stdio: ['pipe', 2, 2],
    });
  } catch (cause) {
    inMicrotask(() => end(null, null, cause));
    return { pid: null, send: () => {}, kill: () => {} };
  }
  child.on('error', cause => {
    if (child.pid === undefined) end(null, null, cause);
  });
  child.on('exit', (code, signal) => end(code, signal, null));
  child.on('message', message => {
    if (!over) listener.message(message as FromReader);
  });
  // Its end tells the reader that this process has ended; an error of it means the same about the reader. A process
  // that could not be started has no standard input.
  const stdin = child.stdin as (typeof child.stdin & { unref?(): void }) | null | undefined;
  stdin?.on('error', () => {});
  child.unref();
  stdin?.unref?.();
  return {
    pid: child.pid ?? null,
    send(message: ToReader) {
      if (child.connected) child.send(message, () => {});
    },
    kill: () => void child.kill('SIGKILL'),
  };
}

/** True if a reader may have ended itself at the limit of its query: SIGKILL, which Windows reports as the exit code 1. */
export function mayHaveEndedItself({ signal, exitCode }: ReaderExit): boolean {
  return signal === 'SIGKILL' || (process.platform === 'win32' && exitCode === 1);
}

/** Blocks the calling thread until the processes have ended and released their locks; false if that took too long. */
export function waitUntilGone(pids: readonly number[], timeoutMs: number): boolean {
  const deadline = performance.now() + timeoutMs;
  while (pids.some(pid => hasFiles(pid))) {
    if (performance.now() > deadline) return false;
    sleepSync(1);
  }
  return true;
}

/**
 * A killed process becomes a zombie, which this thread cannot reap while it is blocked. Each thread closes the files as
 * it ends, and the first one is a zombie while the others still have them open.
 */
function hasFiles(pid: number): boolean {
  if (process.platform === 'linux') {
    try {
      const stat = readFileSync(`${procFolder}/${pid}/stat`, 'latin1');
      const ended = 'ZX'.includes(stat.charAt(stat.lastIndexOf(')') + 2));
      return !ended || readdirSync(`${procFolder}/${pid}/task`).length > 1;
    } catch {
      return false;
    }
  }
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
