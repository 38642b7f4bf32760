/** The program of shim.test.mts: plain file calls and raw better-sqlite3, a call at a time. */
import Database from 'better-sqlite3';
import * as fs from 'node:fs';
import { serve } from '../support/fault-scenario.mts';

let database: Database.Database | undefined;

const handlers = {
  files: (operation: { call: string; path: string }) => fileCall(operation.call, operation.path),
  open: (path: string) => {
    database = new Database(path, { timeout: 20 });
    database.pragma('journal_mode=WAL');
    database.pragma('synchronous=FULL');
    database.exec('CREATE TABLE IF NOT EXISTS t (x)');
  },
  insert: (value: number) => {
    database?.prepare('INSERT INTO t VALUES (?)').run(value);
  },
  rows: () => database?.prepare('SELECT x FROM t ORDER BY x').pluck().all(),
  checkpoint: () => database?.pragma('wal_checkpoint'),
  close: () => database?.close(),
};

function fileCall(call: string, path: string): unknown {
  switch (call) {
    case 'open':
      return fs.closeSync(fs.openSync(path, 'r'));
    case 'unlink':
      return fs.unlinkSync(path);
    case 'rename':
      return fs.renameSync(path, `${path}.renamed`);
    case 'read':
      return fs.readFileSync(path, 'utf8');
    default:
      return onDescriptor(call, path);
  }
}

function onDescriptor(call: string, path: string): unknown {
  const fd = fs.openSync(path, call === 'dirsync' ? 'r' : 'r+');
  const start = performance.now();
  try {
    if (call === 'write') return fs.writeSync(fd, 'abcdefgh', 0);
    if (call === 'truncate') fs.ftruncateSync(fd, 2);
    else if (call === 'fdatasync') fs.fdatasyncSync(fd);
    else fs.fsyncSync(fd);
    return performance.now() - start;
  } finally {
    fs.closeSync(fd);
  }
}

serve(handlers);
