/** `readers.setup`: the functions of the application in its readers, and what is said where they are missing. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { test } from 'node:test';
import { Database, ReaderError } from 'safe-sqlite';
import { blocksIn } from '../docs/page.mts';
import { readPage } from '../contract/page.mts';
import { createBench } from './fixture.mts';

const [, , , module] = blocksIn(readPage('docs/reader.md'));

test('the module of docs/reader.md gives a reader its function, also in views of the schema', async () => {
  using bench = createBench({}, 2);
  const setup = join(bench.folder, 'reader-setup.mjs');
  writeFileSync(setup, module?.text ?? '');
  for (const given of [setup, pathToFileURL(setup)]) {
    const db = new Database(bench.file, { logger: false, readers: { setup: given } });
    db.function('slug', { deterministic: true }, text => String(text));
    db.exec('CREATE VIEW IF NOT EXISTS slugs AS SELECT slug(text) AS slug FROM t');
    assert.deepEqual(await db.reader.all('SELECT * FROM slugs', [], { rows: 'first-column' }), ['row-1', 'row-2']);
    db.close();
  }
});

test('modules of every form: CommonJS, a named export, top-level await, one that prepares asynchronously', async () => {
  using bench = createBench({}, 1);
  const register = "db.function('one', () => 1)";
  const forms = {
    'common.cjs': `module.exports = db => { ${register}; };`,
    'property.cjs': `exports.setup = db => { ${register}; };`,
    'named.mjs': `export function setup(db) { ${register}; }`,
    'await.mjs': `const name = await Promise.resolve('one'); export default db => { db.function(name, () => 1); };`,
    'later.mjs': `export default async db => { await null; ${register}; };`,
  };
  for (const [name, text] of Object.entries(forms)) {
    const setup = join(bench.folder, name);
    writeFileSync(setup, text);
    const db = new Database(bench.file, { logger: false, readers: { setup } });
    assert.deepEqual(await db.reader.get('SELECT one() AS a'), { a: 1 }, name);
    db.close();
  }
});

test('a module that is missing, throws or exports nothing is named, and is an error of each call alone', async () => {
  using bench = createBench();
  const throws = join(bench.folder, 'throws.mjs');
  writeFileSync(throws, `export default () => { throw new Error('no such licence'); };`);
  const nothing = join(bench.folder, 'nothing.mjs');
  writeFileSync(nothing, 'export const answer = 42;');
  for (const [setup, message] of [
    [join(bench.folder, 'missing.mjs'), /missing\.mjs/],
    [throws, /throws\.mjs, failed: no such licence/],
    [nothing, /nothing\.mjs, failed: it exports no function/],
  ] as const) {
    const db = new Database(bench.file, { logger: false, readers: { setup } });
    for (let call = 0; call < 2; call += 1) {
      await assert.rejects(db.reader.get('SELECT 1'), (error: Error) => {
        assert.ok(error instanceof ReaderError);
        assert.match(error.message, message);
        return true;
      });
    }
    await db.write(() => db.exec('DELETE FROM t WHERE id = 1'));
    db.close();
  }
});

test('a function that only the application has is named in the hint', async () => {
  using bench = createBench();
  const { db } = bench;
  db.function('Distance', () => 1);
  await assert.rejects(db.reader.get('SELECT distance(1)'), {
    code: 'SQLITE_ERROR',
    hint: /`distance` is registered on this connection only: .*`readers\.setup`/,
  });
  await assert.rejects(db.reader.get('SELECT other(1)'), (error: { hint?: string }) => !/setup/.test(error.hint ?? ''));
});

test('what a module sets cannot let a reader write', async () => {
  using bench = createBench();
  const setup = join(bench.folder, 'sets.mjs');
  writeFileSync(setup, `export default db => { db.pragma('query_only = 0'); db.unsafeMode(true); };`);
  const db = new Database(bench.file, { logger: false, readers: { setup } });
  assert.deepEqual(await db.reader.get('PRAGMA query_only'), { query_only: 1 });
  db.close();
});
