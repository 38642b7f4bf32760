/**
 * Works on a database in every way that takes and releases locks, until it gets a stop message: as a process of its own, or as a
 * worker thread of the process that is watched. Says how many commits it made.
 *
 *   node hammer.mts <file>
 */
import { parentPort, workerData } from 'node:worker_threads';
import Native from 'better-sqlite3';

const file: string = parentPort === null ? String(process.argv[2]) : (workerData as string);
let stopped = false;
let commits = 0;

// Hints for the reader: a turn is short, so that the stop is heard; every branch is met many times in a second.
const steps: ((db: Native.Database) => void)[] = [
  db => void db.prepare('SELECT count(*) FROM t').pluck().get(),
  db => {
    db.exec('BEGIN IMMEDIATE; INSERT INTO t VALUES (1); COMMIT');
    commits += 1;
  },
  db => {
    db.exec('BEGIN IMMEDIATE; INSERT INTO t VALUES (1); ROLLBACK');
  },
  db => {
    db.prepare('INSERT INTO t VALUES (2)').run();
    commits += 1;
  },
  db => void db.pragma('wal_checkpoint(PASSIVE)'),
  db => void db.pragma('wal_checkpoint(TRUNCATE)'),
  db => {
    db.exec('DELETE FROM t');
    commits += 1;
  },
  db => void db.pragma('quick_check'),
];

function open(): Native.Database {
  const db = new Native(file, { timeout: 10_000 });
  db.pragma('synchronous=OFF');
  return db;
}

let db = open();
let turn = 0;

function work(): void {
  if (stopped) {
    db.close();
    tell(commits);
    return;
  }
  for (let each = 0; each < 20; each++) {
    turn += 1;
    try {
      steps[turn % steps.length]?.(db);
    } catch (error) {
      // Another writer was faster: what is open is given up, as an application would.
      if (!(error instanceof Native.SqliteError) || !error.code.startsWith('SQLITE_BUSY')) throw error;
      if (db.inTransaction) db.exec('ROLLBACK');
    }
    if (turn % 50 === 0) {
      db.close();
      db = open();
    }
  }
  setImmediate(work);
}

function tell(message: unknown): void {
  if (parentPort !== null) {
    parentPort.postMessage(message);
    parentPort.close();
  } else {
    process.send?.(message);
    process.disconnect?.();
  }
}

const stop = (): void => void (stopped = true);
if (parentPort === null) process.once('message', stop);
else parentPort.once('message', stop);
work();
