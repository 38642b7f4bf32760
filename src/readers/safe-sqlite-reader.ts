/** The program of a reader process: opens a read-only connection, answers queries, and dies with the process that asked. */
import { constants, setPriority } from 'node:os';
import { Worker } from 'node:worker_threads';
import { currentDate } from '../base/clock';
import { readerTitle } from '../base/reader-title';
import type { FromReader, ToReader } from './messages';
import { openReadConnection } from './read-connection';
import { outOfMemorySignal } from './reader-process';
import { failureOf, ReadServer, type ServeOptions } from './serve-reads';

/**
 * A thread of its own watches while SQLite works in this one, and ends the process at once: only a signal ends a call of
 * SQLite.
 *
 * Standard input ends when the parent is gone, however it went. `hard_heap_limit` would bound the memory of SQLite, but
 * better-sqlite3 is built without memory statistics, and then SQLite ignores it: the thread asks for the resident memory
 * of the process while a query runs. It also ends a query whose limit is well over: the application would have, but its
 * event loop stands still, and what reads pins the WAL.
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
/** ms. Memory can be filled by about as many megabytes between two looks. */
const watchPauseMs = 20;
/** ms behind the limit: the application comes first. */
const graceMs = 200;

function send(message: FromReader): void {
  process.send?.(message, undefined, {}, () => {});
}

/** Where the cores are taken, the service goes before its reports; the thread that watches keeps its priority. */
function yieldToTheService(): void {
  try {
    setPriority(constants.priority.PRIORITY_BELOW_NORMAL);
  } catch {
    // Some sandboxes forbid it: the query runs all the same.
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
  // After that thread was started: it would inherit the priority.
  yieldToTheService();
  const name = `${readerTitle} ${process.ppid}`;
  const working: ServeOptions['working'] = query => {
    // For `ps` and the doctor: which process reads what, since when.
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
