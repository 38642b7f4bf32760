/** Opens, reads and closes one database twenty times between two calls that a trace finds: for bench/before.mts. */
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import type Raw from 'better-sqlite3';

const [root = 'raw', ground = '/tmp'] = process.argv.slice(2);
const isRaw = root === 'raw';
const require = createRequire(isRaw ? import.meta.url : join(root, 'package.json'));
const library = require(isRaw ? 'better-sqlite3' : join(root, 'dist/index.js')) as { default?: unknown };
const Subject = (library.default ?? library) as new (file: string, options: object) => Raw.Database;
const folder = mkdtempSync(join(ground, 'safe-sqlite-calls-'));

function once(): void {
  const db = new Subject(join(folder, 'a.db'), isRaw ? {} : { logger: false });
  db.prepare('SELECT count(*) FROM sqlite_schema').get();
  db.close();
}

const db = new Subject(join(folder, 'a.db'), isRaw ? {} : { logger: false });
db.pragma('journal_mode = WAL');
db.exec('CREATE TABLE t (a)');
db.close();
for (let time = 0; time < 3; time += 1) once();
existsSync('/BEGIN');
for (let time = 0; time < 20; time += 1) once();
existsSync('/END');
rmSync(folder, { recursive: true, force: true });
process.exit(0);
