/** The program of a reader process: opens a read-only connection, answers queries, and dies with the process that asked. */
import { constants, setPriority } from 'node:os';
import { Worker } from 'node:worker_threads';
import { currentDate } from '../base/clock';
import { readerTitle } from '../base/reader-title';
import type { FromReader, ToReader } from './messages';
import { openReadConnection } from './read-connection';
import { outOfMemorySignal } from './reader-process';
import { failureOf, ReadServer } from './serve-reads';

/**
 * A thread of its own watches while SQLite works in this one, and ends the process at once: only a signal ends a call of
 * SQLite.
 *
 * Standard input ends when the parent is gone, however it went. `hard_heap_limit` would bound the memory of SQLite, but
 * better-sqlite3 is built without memory statistics, and then SQLite ignores it: the thread asks for the resident memory
 * of the process while a query runs.
 */
const watch = `
  const { Socket } = require('node:net');
  const { workerData: { working, memoryBytes, pauseMs, signal } } = require('node:worker_threads');
  const end = () => process.kill(process.pid, 'SIGKILL');
  new Socket({ fd: 0 }).on('error', end).on('close', end).resume();
  const endOutOfMemory = () => {
    try { process.kill(process.pid, signal); } catch { end(); }
  };
  (async () => {
    for (;;) {
      await Atomics.waitAsync(working, 0, 0).value;
      if (process.memoryUsage.rss() > memoryBytes) endOutOfMemory();
      await new Promise(resolve => setTimeout(resolve, pauseMs));
    }
  })();
`;
/** ms. Memory can be filled by about as many megabytes between two looks. */
const watchPauseMs = 20;

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
  yieldToTheService();
  const works = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
  new Worker(watch, {
    eval: true,
    execArgv: [],
    workerData: {
      working: works,
      memoryBytes: Number(process.argv[2]),
      pauseMs: watchPauseMs,
      signal: outOfMemorySignal,
    },
    resourceLimits: { maxOldGenerationSizeMb: 8, maxYoungGenerationSizeMb: 2, stackSizeMb: 1 },
  });
  const name = `${readerTitle} ${process.ppid}`;
  const working = (shape: string | null): void => {
    // For `ps` and the doctor: which process reads what, since when.
    process.title = shape === null ? `${name}: idle` : `${name} since ${currentDate().toISOString()}: ${shape}`;
    Atomics.store(works, 0, shape === null ? 0 : 1);
    if (shape !== null) Atomics.notify(works, 0);
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
