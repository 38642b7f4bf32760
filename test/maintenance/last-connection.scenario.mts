/** A process in which the checkpoint job is the only connection of the file. */
import { statSync } from 'node:fs';
import Native from 'better-sqlite3';
import { blockCheckpoint } from '../../dist/native/close-without-checkpoint.js';
import { runJobSync } from '../../dist/maintenance/run-inline.js';
import { ownFolder, serve } from '../support/fault-scenario.mts';

const file = `${ownFolder()}/app.db`;
const codeOf = (error: unknown): string => String(Reflect.get(error as object, 'code'));

serve({
  /** A database whose commits are only in the -wal, and that no process has open. */
  leaveWal() {
    const db = new Native(file);
    db.pragma('journal_mode = WAL');
    db.pragma('wal_autocheckpoint = 0');
    db.exec('CREATE TABLE t (x)');
    for (let x = 0; x < 50; x++) db.prepare('INSERT INTO t VALUES (randomblob(2000))').run();
    const blocker = blockCheckpoint(file, null, null);
    db.close();
    blocker.release();
  },
  raw() {
    const db = new Native(file);
    try {
      db.pragma('synchronous = FULL');
      db.pragma('wal_checkpoint(PASSIVE)');
      return 'no error';
    } catch (error) {
      return codeOf(error);
    } finally {
      db.close();
    }
  },
  job() {
    const { dev, ino } = statSync(file, { bigint: true });
    try {
      runJobSync({
        kind: 'checkpoint',
        mode: 'passive',
        file,
        identity: { dev, ino },
        busyTimeoutMs: 100,
        fullfsync: false,
        followUps: undefined,
        nativeBinding: undefined,
      });
      return 'no error';
    } catch (error) {
      return codeOf(error);
    }
  },
});
