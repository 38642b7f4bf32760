/** Files that are attached: what a failure or a transaction in the same text leaves behind. */
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import Native from 'better-sqlite3';
import Database, { UnsafeStatementError, type SqliteResultError } from 'safe-sqlite';
import { registeredFiles } from '../../dist/registry/registry.js';

const folder = mkdtempSync(join(tmpdir(), 'attachments-'));
after(() => rmSync(folder, { recursive: true, force: true }));

let count = 0;
function path(): string {
  return join(folder, `${(count += 1)}.db`);
}

/** A file of another program, in rollback mode, where SQLite's own FULL leaves the folder unsynced. */
function foreignFile(): string {
  const file = path();
  const db = new Native(file);
  db.exec('CREATE TABLE t (a)');
  db.close();
  return file;
}

function schemas(db: { pragma(sql: string): unknown }): string[] {
  return (db.pragma('database_list') as { name: string }[]).map(({ name }) => name);
}

describe('ATTACH in a text that begins a transaction', () => {
  for (const begin of ['BEGIN', 'BEGIN IMMEDIATE', 'BEGIN EXCLUSIVE', 'SAVEPOINT s']) {
    for (const ground of ['memory', 'file'] as const) {
      test(`${begin}, in ${ground}`, () => {
        const file = foreignFile();
        const text = `${begin}; SELECT 1; ATTACH '${file}' AS other`;
        const raw = new Native(':memory:');
        raw.exec(text);
        assert.equal(raw.pragma('other.synchronous', { simple: true }), 2, 'FULL, which does not hold with DELETE');
        raw.close();

        using db = new Database(ground === 'memory' ? ':memory:' : path(), { logger: false });
        assert.throws(() => db.exec(text), UnsafeStatementError);
        assert.deepEqual(schemas(db), ['main']);
        assert.equal(
          registeredFiles().some(each => each.file === file),
          false,
        );
        if (db.inTransaction) db.exec('ROLLBACK');
        db.exec(`ATTACH '${file}' AS other`);
        assert.equal(db.pragma('other.synchronous', { simple: true }), 3);
      });
    }
  }
});

describe('a text that fails behind its first ATTACH', () => {
  const endings = {
    'no database': () => {
      const junk = path();
      writeFileSync(junk, 'junk'.repeat(1000));
      return `ATTACH '${junk}' AS second`;
    },
    'the name is in use': () => `ATTACH '${foreignFile()}' AS first`,
  };
  for (const [reason, ending] of Object.entries(endings)) {
    test(reason, () => {
      const file = foreignFile();
      const text = `ATTACH '${file}' AS first; ${ending()}`;
      const raw = new Native(':memory:');
      assert.throws(() => {
        raw.exec(text);
        raw.prepare('SELECT count(*) FROM second.sqlite_schema').get();
      });
      assert.equal(raw.pragma('first.synchronous', { simple: true }), 2, 'attached, and unprotected');
      raw.close();

      using db = new Database(path(), { logger: false });
      assert.throws(() => db.exec(text));
      assert.deepEqual(schemas(db), ['main', 'first'], 'as in better-sqlite3');
      assert.equal(db.pragma('first.synchronous', { simple: true }), 3, 'attached, and protected');
      assert.equal(registeredFiles().length, 2);
    });
  }
});

test('a URI is refused in any letter case: it can choose another locking protocol than other programs use', () => {
  using db = new Database(path(), { logger: false });
  for (const uri of [`file:${foreignFile()}?nolock=1`, `FILE:${foreignFile()}`, `File:${path()}?vfs=unix-none`]) {
    assert.throws(() => db.attach(uri, 'other'), { message: /URI/, code: 'SAFE_SQLITE_UNSAFE_STATEMENT' });
    assert.throws(() => db.exec(`ATTACH '${uri}' AS other`), UnsafeStatementError);
  }
  assert.deepEqual(schemas(db), ['main']);
});

test('an attached file is watched: a marker of another process keeps its WAL from the checkpoint of a close', () => {
  const [watched, free] = [path(), path()];
  const db = new Database(path(), { logger: false });
  for (const [name, file] of Object.entries({ watched, free })) {
    db.attach(file, name);
    db.exec(`PRAGMA ${name}.journal_mode = WAL; CREATE TABLE ${name}.t(a)`);
  }
  writeFileSync(`${watched}-fenced`, '');
  db.close();
  assert.equal(existsSync(`${watched}-wal`), true);
});

test('a name in use keeps what it names', () => {
  using db = new Database(path(), { logger: false });
  db.attach(foreignFile(), 'other');
  assert.throws(() => db.attach(foreignFile(), 'OTHER'), /already in use/);
  assert.deepEqual(schemas(db), ['main', 'other']);
  assert.equal(db.prepare('SELECT count(*) FROM other.t').pluck().get(), 0);
});

test('names that differ outside of ASCII are two names, as in SQLite', () => {
  const db = new Database(path(), { logger: false });
  db.attach(foreignFile(), 'É');
  db.attach(foreignFile(), 'é');
  db.close();
  assert.deepEqual(registeredFiles(), [], 'both are given back');
});

test('what is undone is not shown to `verbose`', () => {
  const file = foreignFile();
  const other = new Native(file);
  other.exec('BEGIN EXCLUSIVE');
  const seen: unknown[] = [];
  using db = new Database(path(), { logger: false, timeout: 0, verbose: text => seen.push(text) });
  assert.throws(() => db.attach(file, 'other'), { code: 'SQLITE_BUSY' });
  other.close();
  assert.deepEqual(
    seen.map(text => String(text).slice(0, 6)),
    ['ATTACH'],
  );
  assert.deepEqual(schemas(db), ['main']);
  assert.equal(registeredFiles().length, 1);
});

test('a file that was attached is let go when the protections of the connection cannot be set', () => {
  using db = new Database(path(), { logger: false, timeout: 0 });
  const first = foreignFile();
  db.attach(first, 'first');
  const other = new Native(first);
  other.exec('BEGIN EXCLUSIVE');
  assert.throws(() => db.attach(foreignFile(), 'second'), { code: 'SQLITE_BUSY' });
  other.close();
  assert.deepEqual(schemas(db), ['main', 'first']);
  assert.equal(registeredFiles().length, 2);
});

describe('a name with a NUL character, which SQLite reads up to there', () => {
  test('raw: the schema has the shorter name, and the file is opened under the shorter one', () => {
    const file = foreignFile();
    const raw = new Native(':memory:');
    raw.prepare('ATTACH ? AS ?').run(`${file}\0.txt`, 'o\0x');
    assert.deepEqual(schemas(raw), ['main', 'o']);
    raw.close();
  });

  test('db.attach and db.detach refuse it; SQL with parameters attaches what SQLite reads, protected', () => {
    const file = foreignFile();
    using db = new Database(path(), { logger: false });
    assert.throws(() => db.attach(file, 'o\0x'), { name: 'TypeError', message: /second argument .* NUL/ });
    assert.throws(() => db.attach(`${file}\0.txt`, 'o'), { name: 'TypeError', message: /first argument .* NUL/ });
    assert.throws(() => db.detach('o\0x'), { name: 'TypeError', message: /NUL/ });
    assert.deepEqual(schemas(db), ['main']);
    db.prepare('ATTACH ? AS ?').run(`${file}\0.txt`, 'o\0x');
    assert.deepEqual(schemas(db), ['main', 'o']);
    assert.equal(db.pragma('o.synchronous', { simple: true }), 3);
    assert.ok(registeredFiles().some(each => each.file === file));
    db.prepare('DETACH ?').run('o\0x');
    assert.equal(
      registeredFiles().some(each => each.file === file),
      false,
    );
  });
});

describe('a file that is no database, attached in a text with other statements', () => {
  const texts = (file: string): readonly string[] => [
    `ATTACH '${file}' AS x; COMMIT`,
    `PRAGMA wal_checkpoint; ATTACH '${file}' AS x`,
    `VACUUM; ATTACH '${file.slice(0, 3)}' || '${file.slice(3)}' AS x; PRAGMA wal_checkpoint(FULL)`,
  ];
  test('is a failure of that file alone: the database in use is neither fenced nor called damaged', () => {
    const plain = path();
    writeFileSync(plain, 'This is no database. '.repeat(100));
    using db = new Database(path(), { logger: false });
    const fenced: unknown[] = [];
    db.events.on('fenced', event => fenced.push(event));
    const ways: readonly (() => unknown)[] = [
      ...texts(plain).map(text => () => db.exec(text)),
      () => db.attach(plain, 'x'),
      () => db.prepare('ATTACH ? AS x').run(plain),
    ];
    for (const way of ways) {
      assert.throws(way, (error: SqliteResultError) => {
        assert.equal(error.code, 'SQLITE_NOTADB');
        // An error that names the database makes an operator restore a backup over it.
        assert.equal(error.details['file'], plain);
        assert.ok(error.message.includes(plain) && !error.message.includes(db.name), error.message);
        assert.equal(error.fatal, false);
        return true;
      });
    }
    const { reasons, faults } = db.health();
    assert.doesNotMatch(reasons.join(), /damage/);
    assert.equal(faults['SqliteNotADatabaseError'], 0);
    assert.deepEqual(fenced, []);
    assert.deepEqual(schemas(db), ['main']);
    db.exec('CREATE TABLE t (a)');
  });
});
