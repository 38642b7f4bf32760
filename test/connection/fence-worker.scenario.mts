/** The program of the tests of the fence in a worker: the thread has the only connection, and is terminated. */
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import Native from 'better-sqlite3';
import { Database } from 'safe-sqlite';
import { ownFolder, serve } from '../faults/scenario.mts';

interface Opened {
  exec(sql: string): unknown;
}

function inWorker(): void {
  const { subject, file } = workerData as { subject: 'raw' | 'ours'; file: string };
  const db: Opened =
    subject === 'raw' ? new Native(file) : new Database(file, { logger: false, checkpoint: 'off', sentinel: 'off' });
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

const answer = (): Promise<unknown> => new Promise(resolve => worker.once('message', resolve));

if (isMainThread) {
  serve({
    start(subject: 'raw' | 'ours') {
      worker = new Worker(import.meta.filename, { workerData: { subject, file: `${ownFolder()}/app.db` } });
      return answer();
    },
    insert() {
      worker.postMessage('insert');
      return answer();
    },
    terminate: () => worker.terminate(),
  });
} else {
  inWorker();
}
