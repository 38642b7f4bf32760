/**
 * A connection that is carried across fork(), in the middle of a transaction; the child would write and commit.
 *
 * Arguments: the addon, the file, `raw` or `ours`. Prints how the child ended, whether another process was kept out
 * afterwards, and the rows.
 */
import { spawnSync } from 'node:child_process';
import { writeSync } from 'node:fs';
import { createRequire } from 'node:module';
import BetterSqlite3 from 'better-sqlite3';
import SafeSqlite from 'safe-sqlite';

interface Forking {
  /** 0 in the child. */
  readonly fork: () => number;
  /** The exit code of the child, or the number of the signal that ended it, below zero. */
  readonly wait: () => number;
  readonly leave: () => never;
}

const [addon = '', file = '', subject] = process.argv.slice(2);
const { fork, wait, leave } = createRequire(import.meta.url)(addon) as Forking;
const db =
  subject === 'raw'
    ? new BetterSqlite3(file)
    : (new SafeSqlite(file, { logger: false }) as unknown as BetterSqlite3.Database);
db.pragma('journal_mode = WAL');
db.exec('CREATE TABLE t (a INTEGER PRIMARY KEY)');
const insert = db.prepare('INSERT INTO t VALUES (?)');
db.exec('BEGIN IMMEDIATE');
insert.run(1);
if (fork() === 0) {
  insert.run(2);
  db.exec('COMMIT');
  writeSync(1, 'the child committed\n');
  leave();
}
const child = wait();
const other = spawnSync(
  process.execPath,
  ['-e', `const D = require('better-sqlite3'); new D(process.argv[1], { timeout: 0 }).exec('BEGIN IMMEDIATE')`, file],
  { encoding: 'utf8' },
);
insert.run(3);
db.exec('COMMIT');
const rows = db.prepare('SELECT a FROM t').pluck().all();
const integrity = db.pragma('integrity_check', { simple: true });
db.close();
console.log(JSON.stringify({ child, keptOut: other.stderr.includes('SQLITE_BUSY'), rows, integrity }));
