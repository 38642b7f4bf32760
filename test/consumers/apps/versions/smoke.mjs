// A little of everything that depends on Node: both module systems, files, threads, timers.
import { mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database, { installProcessGuard, openDatabase } from 'safe-sqlite';

const folder = mkdtempSync(join(tmpdir(), 'smoke-'));
const remove = installProcessGuard();
const db = openDatabase(join(folder, 'app.db'), { logger: false });
db.exec('CREATE TABLE t (a UNIQUE)');
const insert = db.prepare('INSERT INTO t VALUES (?)');
db.transaction(() => insert.run(1))();
await Promise.all([db.write(() => insert.run(2)), db.write(() => insert.run(3))]);
const backup = await db.backup(join(folder, 'copy.db'));
let unique;
try {
  insert.run(1);
} catch (error) {
  unique = error.code;
}
const facts = {
  node: process.version,
  sameConstructor: createRequire(import.meta.url)('safe-sqlite') === Database,
  rows: db.prepare('SELECT count(*) FROM t').pluck().get(),
  journalMode: db.pragma('journal_mode', { simple: true }),
  synchronous: db.pragma('synchronous', { simple: true }),
  backup: backup.verified === 'off' ? 'unverified' : 'verified',
  unique,
};
db.close();
remove();
console.log(JSON.stringify({ ...facts, closed: !db.open }));
rmSync(folder, { recursive: true });
