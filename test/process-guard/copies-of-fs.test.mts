/** Tests that a module that took the functions of `fs` over before the guard was installed is guarded as `fs` is. */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { Database } from 'safe-sqlite';

const folder = fs.realpathSync(fs.mkdtempSync(join(tmpdir(), 'safe-sqlite-copies-')));
after(() => fs.rmSync(folder, { recursive: true, force: true }));

/** As graceful-fs does: a copy of every function, `open` by one of its own, and getters that say when they are called. */
const source = `
  const fs = require('node:fs');
  const copy = {};
  for (const name of Object.getOwnPropertyNames(fs)) Object.defineProperty(copy, name, Object.getOwnPropertyDescriptor(fs, name));
  const { createReadStream, open, readFile } = fs;
  copy.readFile = (path, callback) => callback === undefined ? new Promise((resolve, reject) => readFile(path, (e, d) => e ? reject(e) : resolve(d))) : readFile(path, callback);
  copy.createReadStream = path => createReadStream(path, { fs: { open, read: fs.read, close: fs.close } });
  copy.asked = 0;
  Object.defineProperty(copy, 'truncate', { get: () => (copy.asked += 1) && fs.truncate, configurable: true, enumerable: true });
  module.exports = copy;`;

interface Copy {
  readFileSync(path: string): Buffer;
  readFile(path: string): Promise<Buffer>;
  createReadStream(path: string): fs.ReadStream;
  copyFile(from: string, to: string, callback: (error: Error | null) => void): void;
}

test('a copy of fs that was loaded before the first open', async () => {
  fs.writeFileSync(join(folder, 'copy.cjs'), source);
  fs.writeFileSync(join(folder, 'other.txt'), 'other');
  const copy = createRequire(import.meta.url)(join(folder, 'copy.cjs')) as Copy;
  const file = join(folder, 'app.db');
  const stream = (path: string): Promise<number> =>
    new Promise((resolve, reject) => {
      let bytes = 0;
      const reading = copy.createReadStream(path).on('error', reject);
      reading.on('data', chunk => (bytes += chunk.length)).on('end', () => resolve(bytes));
    });
  const copied = (to: string): Promise<void> =>
    new Promise((resolve, reject) => copy.copyFile(file, to, error => (error === null ? resolve() : reject(error))));

  const db = new Database(file, { logger: false });
  db.exec('CREATE TABLE t (a)');
  const refused = { code: 'SAFE_SQLITE_COPY_CONFLICT' };
  assert.throws(() => copy.readFileSync(file), refused);
  await assert.rejects(copy.readFile(file), refused);
  await assert.rejects(copied(join(folder, 'torn.db')), refused);
  await assert.rejects(stream(file), refused);
  assert.equal(await stream(join(folder, 'other.txt')), 5);
  assert.equal(String(await copy.readFile(join(folder, 'other.txt'))), 'other');
  db.exec('INSERT INTO t VALUES (1)');
  assert.equal(db.prepare('SELECT count(*) FROM t').pluck().get(), 1);
  db.close();
  assert.ok((await copy.readFile(file)).length > 0, 'afterwards it may be read');
});
