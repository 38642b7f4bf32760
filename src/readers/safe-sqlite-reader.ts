/** Entry point of a reader process: opens a read-only connection, answers queries, and ends with its parent process. */
import { constants, getPriority, setPriority } from 'node:os';
import { Worker } from 'node:worker_threads';
import { currentDate, setTimeout } from '../base/clock';
import { readerTitle } from '../base/reader-title';
import type { FromReader, ToReader } from './messages';
import { openReadConnection } from './read-connection';
import { outOfMemorySignal } from './reader-process';
import { failureOf, ReadServer, type ServeOptions } from './serve-reads';

/**
 * A separate thread watches while SQLite works in this one, and kills the process at once: only a signal ends a call of
 * SQLite.
 *
 * Standard input ends when the parent has ended, however it did. `hard_heap_limit` would bound the memory of SQLite,
 * but better-sqlite3 is built without memory statistics, and SQLite then ignores it: the thread reads the resident
 * memory of the process while a query runs. It also ends a query that is well over its limit: the application would
 * have done that, but its event loop is blocked, and a running read pins the WAL.
 */
const watch = `
  const { Socket } = require('node:net');
  const { workerData: { working, deadline, memoryBytes, pauseMs, signal } } = require('node:worker_threads');
  const end = () => process.kill(process.pid, 'SIGKILL');
  new Socket({ fd: 0 }).on('error', end).on('close', end).resume();
  const endOutOfMemory = () => {
    try { process.kill(process.pid, signal); } catch { end(); }
    // A module of the application may listen to that signal.
    setTimeout(end, 100);
  };
  (async () => {
    for (;;) {
      await Atomics.waitAsync(working, 0, 0).value;
      if (Atomics.load(working, 0) === 0) continue;
      if (process.memoryUsage.rss() > memoryBytes) endOutOfMemory();
      const leftMs = Number(Atomics.load(deadline, 0) - process.hrtime.bigint()) / 1e6;
      if (leftMs <= 0) end();
      await new Promise(resolve => setTimeout(resolve, Math.min(pauseMs, leftMs)));
    }
  })();
`;
/** Milliseconds. Memory can grow by about as many megabytes between two checks. */
const watchPauseMs = 20;
/** Milliseconds after the limit: the application acts first, unless its event loop is blocked. */
const graceMs = 15;
/** Milliseconds after a query until the title says `idle`: setting it for each of many small reads costs time. */
const idleTitleMs = 50;
/** Nanoseconds for which the title of one query serves for the same query, run again. */
const titleNs = 1_000_000_000n;

function send(message: FromReader): void {
  process.send?.(message, undefined, {}, () => {});
}

/** Lowers the priority: on busy cores the service precedes its reports; the watching thread keeps its priority. */
function yieldToTheService(): void {
  try {
    const { PRIORITY_BELOW_NORMAL, PRIORITY_LOW } = constants.priority;
    // Below that of the service, which a supervisor may have lowered too.
    setPriority(Math.min(PRIORITY_LOW, getPriority() + PRIORITY_BELOW_NORMAL));
  } catch {
    // Some sandboxes forbid it: the query runs anyway.
  }
}

function main(): void {
  const works = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
  const deadline = new BigInt64Array(new SharedArrayBuffer(BigInt64Array.BYTES_PER_ELEMENT));
  new Worker(watch, {
    eval: true,
    execArgv: [],
    workerData: {
      working: works,
      deadline,
      memoryBytes: Number(process.argv.at(-2)),
      pauseMs: watchPauseMs,
      signal: outOfMemorySignal,
    },
    resourceLimits: { maxOldGenerationSizeMb: 8, maxYoungGenerationSizeMb: 2, stackSizeMb: 1 },
  });
  // After that thread was started, which would inherit the priority.
  yieldToTheService();
  const name = `${readerTitle} ${process.ppid}`;
  let shown: string | null = null;
  let shownAt = 0n;
  let idle: NodeJS.Timeout | null = null;
  const showIdle = (): void => {
    idle = null;
    if (Atomics.load(works, 0) !== 0) return;
    process.title = `${name}: idle`;
    shown = null;
  };
  const working: ServeOptions['working'] = query => {
    if (query === null) {
      Atomics.store(works, 0, 0);
      idle ??= setTimeout(showIdle, idleTitleMs);
      return;
    }
    const now = process.hrtime.bigint();
    if (query.shape !== shown || now - shownAt > titleNs) {
      // For `ps` and the doctor: which process runs which query, and since when.
      process.title = `${name} since ${currentDate().toISOString()}: ${query.shape}`;
      shown = query.shape;
      shownAt = now;
    }
    // The clock that both threads share, in nanoseconds.
    Atomics.store(deadline, 0, now + BigInt(Math.ceil(query.endsInMs) + graceMs) * 1_000_000n);
    Atomics.store(works, 0, 1);
    Atomics.notify(works, 0);
  };
  showIdle();
  // Ctrl-C and systemd signal the whole group: the parent decides when its readers end.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {});
  process.on('disconnect', () => process.kill(process.pid, 'SIGKILL'));
  let server: ReadServer | null = null;
  process.on('message', (message: ToReader) => {
    if (message.type === 'open') {
      openReadConnection(message.settings)
        .then(db => {
          server = new ReadServer(db, send, { pieceMs: message.settings.pieceMs, retryBusyMs: 0, working });
          send({ type: 'ready' });
        })
        .catch((error: unknown) => send({ type: 'failed', error: failureOf(error) }));
    } else if (message.type === 'close') {
      server?.close();
      process.exit(0);
    } else server?.handle(message);
  });
}

main();
