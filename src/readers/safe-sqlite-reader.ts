/** Entry point of a reader process: opens a read-only connection, answers queries, and ends with its parent process. */
import { constants, setPriority } from 'node:os';
import { Worker } from 'node:worker_threads';
import { currentDate } from '../base/clock';
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
  };
  (async () => {
    for (;;) {
      await Atomics.waitAsync(working, 0, 0).value;
      if (Atomics.load(working, 0) === 0) continue;
      if (process.memoryUsage.rss() > memoryBytes) endOutOfMemory();
      if (process.hrtime.bigint() > Atomics.load(deadline, 0)) end();
      await new Promise(resolve => setTimeout(resolve, pauseMs));
    }
  })();
`;
/** Milliseconds. Memory can grow by about as many megabytes between two checks. */
const watchPauseMs = 20;
/** Milliseconds after the limit: the application acts first. */
const graceMs = 200;

function send(message: FromReader): void {
  process.send?.(message, undefined, {}, () => {});
}

/** Lowers the priority: on busy cores the service precedes its reports; the watching thread keeps its priority. */
function yieldToTheService(): void {
  try {
    setPriority(constants.priority.PRIORITY_BELOW_NORMAL);
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
  const working: ServeOptions['working'] = query => {
    // For `ps` and the doctor: which process runs which query, and since when.
    process.title = query === null ? `${name}: idle` : `${name} since ${currentDate().toISOString()}: ${query.shape}`;
    if (query !== null) {
      // The clock that both threads share, in nanoseconds.
      const lastMs = Math.ceil(query.endsInMs) + graceMs;
      Atomics.store(deadline, 0, process.hrtime.bigint() + BigInt(lastMs) * 1_000_000n);
    }
    Atomics.store(works, 0, query === null ? 0 : 1);
    if (query !== null) Atomics.notify(works, 0);
  };
  working(null);
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
