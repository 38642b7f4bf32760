/** The program of the fault tests of backup and restore: one operation a question, in a process whose file calls fail. */
import NativeDatabase from 'better-sqlite3';
import { serve } from '../support/fault-scenario.mts';
import type { BackupOptions } from '../../dist/backup/options.js';
import { takeScheduleLock } from '../../dist/backup/schedule-lock.js';
import { backUp } from './fixture.mts';

let db: NativeDatabase.Database | undefined;

serve({
  open: (path: string) => {
    db?.close();
    db = new NativeDatabase(path);
    db.prepare('SELECT count(*) FROM account').get();
  },
  backup: async ({ to, options, network }: { to: string; options: BackupOptions; network?: string }) => {
    if (db === undefined) throw new Error('no database is open');
    return backUp(db, to, options, { isNetwork: path => path === network });
  },
  turn: async (directory: string) => (await takeScheduleLock(directory, 'app')) !== null,
});
