/** The program of the tests of the fence and threads: a worker with a connection, which is terminated, and the main thread. */
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import Native from 'better-sqlite3';
import { Database } from 'safe-sqlite';
import { ownFolder, serve } from '../support/fault-scenario.mts';

interface Opened {
  exec(sql: string): unknown;
}

function inWorker(): void {
  const { subject, file: path } = workerData as { subject: 'raw' | 'ours'; file: string };
  const db: Opened = subject === 'raw' ? new Native(path) : new Database(path, settings);
  if (subject === 'raw') db.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL');
  db.exec('CREATE TABLE t(id)');
  parentPort?.on('message', () => {
    try {
      db.exec('INSERT INTO t VALUES (1)');
      parentPort?.postMessage('stored');
    } catch (error) {
      parentPort?.postMessage(Reflect.get(error as Error, 'code'));
    }
  });
  parentPort?.postMessage('ready');
}

let worker: Worker;
let here: Opened;
const file = (): string => `${ownFolder()}/app.db`;
const settings = { logger: false, checkpoint: 'off', sentinel: 'off' } as const;

const answer = (): Promise<unknown> => new Promise(resolve => worker.once('message', resolve));

if (isMainThread) {
  serve({
    start(subject: 'raw' | 'ours') {
      worker = new Worker(import.meta.filename, { workerData: { subject, file: file() } });
      return answer();
    },
    insert() {
      worker.postMessage('insert');
      return answer();
    },
    terminate: () => worker.terminate(),
    openHere() {
      here = new Database(file(), settings);
    },
    insertHere: () => void here.exec('INSERT INTO t VALUES (2)'),
  });
} else {
  inWorker();
}
