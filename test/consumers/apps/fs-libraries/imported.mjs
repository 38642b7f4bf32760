// Every way to import fs in an ES module, taken before the database is opened; and globs, which open nothing.
import fs, * as namespace from 'node:fs';
import { readFileSync } from 'fs';
import promises, { glob, readFile } from 'node:fs/promises';
import fastGlob from 'fast-glob';
import Database from 'safe-sqlite';

const db = new Database('imported.db', { logger: false });
db.exec('CREATE TABLE t (a)');
const codes = new Set();
for (const call of [
  () => fs.readFileSync('imported.db'),
  () => namespace.readFileSync('imported.db'),
  () => namespace.default.readFileSync('imported.db'),
  () => readFileSync('imported.db'),
  () => promises.readFile('imported.db'),
  () => readFile('imported.db'),
  () => fs.promises.readFile('imported.db'),
  async () => (await import('node:fs')).readFileSync('imported.db'),
]) {
  try {
    await call();
    codes.add('read');
  } catch (error) {
    codes.add(error.code);
  }
}
const found = [
  fs.globSync('imported.db*'),
  await Array.fromAsync(glob('imported.db*')),
  await fastGlob('imported.db*'),
];
db.exec('INSERT INTO t VALUES (1)');
db.close();
console.log(JSON.stringify({ codes: [...codes], found: found.map(({ length }) => length) }));
