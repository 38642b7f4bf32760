// docs/troubleshooting.md: its headings are messages that better-sqlite3 and this library print today.
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { root } from '../../scripts/pack.mjs';
import { Native } from '../backup/fixture.mts';

const page = readFileSync(join(root, 'docs/troubleshooting.md'), 'utf8');
const headings = [...page.matchAll(/^### (.+)$/gm)].map(([, text = '']) => text);

/** What makes raw better-sqlite3 say it. */
const causes: Readonly<Record<string, (folder: string) => unknown>> = {
  'database is locked': folder => {
    const file = join(folder, 'app.db');
    const locker = new Native(file);
    locker.exec('BEGIN EXCLUSIVE');
    const other = new Native(file, { timeout: 0 });
    try {
      return other.exec('CREATE TABLE t (a)');
    } finally {
      other.close();
      locker.close();
    }
  },
  'This database connection is busy executing a query': folder => {
    const db = table(folder);
    for (const _ of db.prepare('SELECT * FROM t').iterate()) db.exec('DELETE FROM t');
  },
  'cannot start a transaction within a transaction': folder => table(folder).exec('BEGIN; BEGIN'),
  'cannot commit - no transaction is active': folder => table(folder).exec('COMMIT'),
  'Transaction function cannot return a promise': folder => table(folder).transaction(async () => {})(),
  'unable to open database file': folder => new Native(folder),
  'Cannot open database because the directory does not exist': folder => new Native(join(folder, 'none', 'app.db')),
  'attempt to write a readonly database': folder => {
    table(folder).close();
    new Native(join(folder, 'app.db'), { readonly: true }).exec('DELETE FROM t');
  },
  'file is not a database': folder => {
    writeFileSync(join(folder, 'text.db'), 'x'.repeat(5000));
    new Native(join(folder, 'text.db')).pragma('user_version');
  },
  'database or disk is full': folder => {
    const db = table(folder);
    db.pragma('max_page_count = 2');
    db.exec('INSERT INTO t VALUES (randomblob(100000))');
  },
  'no such table': folder => table(folder).prepare('SELECT * FROM missing'),
  'no such column': folder => table(folder).prepare('SELECT * FROM t WHERE a = "x"'),
  'syntax error': folder => table(folder).prepare('SELEC 1'),
  'Too few parameter values were provided': folder => table(folder).prepare('SELECT ?, ?').get(1),
  'Too many parameter values were provided': folder => table(folder).prepare('SELECT ?').get(1, 2),
  'Missing named parameter': folder => table(folder).prepare('SELECT @id').get({}),
  'NOT NULL constraint failed': folder =>
    table(folder).exec('CREATE TABLE n (a NOT NULL); INSERT INTO n VALUES (NULL)'),
  'CHECK constraint failed': folder => table(folder).exec('CREATE TABLE k (a CHECK (a > 1)); INSERT INTO k VALUES (1)'),
  'cannot VACUUM from within a transaction': folder => table(folder).exec('BEGIN; VACUUM'),
  'UNIQUE constraint failed': folder => table(folder).exec('CREATE TABLE u (a UNIQUE); INSERT INTO u VALUES (1), (1)'),
  'FOREIGN KEY constraint failed': folder =>
    table(folder).exec(
      'CREATE TABLE p (id INTEGER PRIMARY KEY); CREATE TABLE c (p REFERENCES p); INSERT INTO c VALUES (1)',
    ),
  'too many SQL variables': folder => table(folder).prepare(`SELECT ${'?,'.repeat(40_000)}?`),
  'SQLite3 can only bind numbers, strings, bigints, buffers, and null': folder =>
    table(folder).prepare('INSERT INTO t VALUES (?)').run(true),
  'The supplied SQL string contains more than one statement': folder => table(folder).prepare('SELECT 1; SELECT 2'),
  'This statement does not return data': folder => table(folder).prepare('DELETE FROM t').all(),
  'The database connection is not open': folder => {
    const db = table(folder);
    db.close();
    db.exec('SELECT 1');
  },
};

function table(folder: string): InstanceType<typeof Native> {
  const db = new Native(join(folder, 'app.db'));
  db.exec('CREATE TABLE IF NOT EXISTS t (a); INSERT INTO t VALUES (1)');
  return db;
}

describe('docs/troubleshooting.md', () => {
  for (const [message, cause] of Object.entries(causes)) {
    test(`better-sqlite3 says: ${message}`, t => {
      const folder = mkdtempSync(join(tmpdir(), 'message-'));
      t.after(() => rmSync(folder, { recursive: true, force: true }));
      assert.ok(headings.includes(message), `${message} has no heading`);
      assert.throws(
        () => cause(folder),
        (error: Error) => error.message.includes(message),
      );
    });
  }

  test('no message has two headings, and every section says something', () => {
    assert.equal(new Set(headings).size, headings.length);
    assert.ok(headings.length > Object.keys(causes).length);
    for (const section of page.split(/^#{2,3} .*$/m).slice(1)) assert.notEqual(section, '');
  });
});
