/**
 * The thread: a connection of its own, read-only, for reports that would hold the event loop of the service. `db.reader`
 * does that without a thread of yours, and can stop a report; a thread is for work that is more than SQL.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { Database } from 'safe-sqlite';

export interface Report {
  readonly readings: number;
  readonly sensors: readonly { readonly sensor: string; readonly mean: number; readonly highest: number }[];
}

// A database object cannot be sent to a thread: each opens its own. In WAL mode it reads one state of the file while
// the main thread writes the next ones, and neither waits for the other.
const db = new Database(workerData as string, { readonly: true });
const readings = db.prepare<[], number>('SELECT count(*) FROM readings').pluck();
const sensors = db.prepare<[], Report['sensors'][number]>(
  'SELECT sensor, avg(value) AS mean, max(value) AS highest FROM readings GROUP BY sensor ORDER BY sensor',
);
// One transaction, so that both answers are about the same state. Keep it short: while it is open the WAL cannot start over.
const report = db.transaction((): Report => ({ readings: readings.get() ?? 0, sensors: sensors.all() }));

parentPort?.on('message', (message: 'report' | 'close') => {
  if (message === 'report') parentPort?.postMessage(report());
  else {
    db.close();
    // Nothing is left that keeps the thread alive: it ends by itself, which `terminate()` would do in the middle of a call.
    parentPort?.close();
  }
});
