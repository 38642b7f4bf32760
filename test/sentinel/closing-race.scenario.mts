/** A process with one connection in its main thread and one in a worker thread, both of one copy of SQLite. */
import { once } from 'node:events';
import { readdirSync, readlinkSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import Native from 'better-sqlite3';
import { Database, openDatabase } from 'safe-sqlite';
import { parseLocks, watchLocks } from '../../dist/proc/locks.js';
import { serve } from '../support/fault-scenario.mts';

let file = '';
let exec: (sql: string) => unknown;
let verify: () => Promise<{ readonly ok: boolean }>;
let verifying: ReturnType<typeof verify>;
let worker: Worker;
let closing: Promise<unknown>;

/** The locks that the kernel shows for this process on the database. */
function locks(): number {
  let count = 0;
  for (const fd of readdirSync('/proc/self/fd')) {
    try {
      if (readlinkSync(`/proc/self/fd/${fd}`) !== file) continue;
    } catch {
      continue;
    }
    const watch = watchLocks(Number(fd));
    if (!watch.supported) continue;
    count += parseLocks(watch.reader.read() ?? '').length;
    watch.reader.stop();
  }
  return count;
}

serve({
  open(request: { file: string; ours: boolean }) {
    file = request.file;
    if (request.ours) {
      const db = openDatabase(file, { logger: false, journalMode: 'rollback', sentinel: { intervalMs: 60_000 } });
      exec = sql => db.exec(sql);
      verify = () => db.verify();
    } else {
      const db = new Native(file);
      exec = sql => db.exec(sql);
    }
    exec('CREATE TABLE t(a)');
    exec('INSERT INTO t VALUES (0)');
  },
  /** The worker reads and is ready to close. */
  async openInWorker() {
    const source = `
      const { parentPort, workerData } = require('node:worker_threads');
      const db = new (require('better-sqlite3'))(workerData);
      db.prepare('SELECT a FROM t').all();
      parentPort.postMessage('open');
      parentPort.once('message', () => { db.close(); parentPort.postMessage('closed') });`;
    worker = new Worker(source, { eval: true, workerData: file });
    await once(worker, 'message');
  },
  closeInWorker() {
    // Listens from now on: the answer may arrive before it is asked for.
    closing = once(worker, 'message');
    worker.postMessage('close');
  },
  closed: () => closing,
  startVerify() {
    verifying = verify();
  },
  endVerify: async () => (await verifying).ok,
  /** Opens a file in this thread, and one after the other in two more; what the three are warned of. */
  async warningsInThreads(options: { file: string; journalMode: 'wal' | 'rollback' }) {
    const source = `
      const { parentPort, workerData: { file, journalMode } } = require('node:worker_threads');
      const { Database } = require('safe-sqlite');
      const db = new Database(file, { logger: false, journalMode });
      db.events.on('warning', ({ code }) => parentPort.postMessage(code));
      parentPort.once('message', () => db.close());
      setImmediate(() => parentPort.postMessage('open'));`;
    using own = new Database(options.file, { logger: false, journalMode: options.journalMode });
    const codes: string[] = [];
    own.events.on('warning', ({ code }) => codes.push(code));
    const workers: Worker[] = [];
    for (let each = 0; each < 2; each += 1) {
      const opened = new Worker(source, { eval: true, workerData: options });
      workers.push(opened);
      await new Promise<void>(resolve =>
        opened.on('message', (code: string) => (code === 'open' ? resolve() : codes.push(code))),
      );
    }
    for (const opened of workers) {
      opened.postMessage('close');
      await once(opened, 'exit');
    }
    return codes.filter(code => code === 'rollback-journal-in-several-threads');
  },
  exec: (sql: string) => void exec(sql),
  locks,
});
