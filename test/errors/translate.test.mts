import assert from 'node:assert/strict';
import { closeSync, mkdirSync, openSync, renameSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import Native from 'better-sqlite3';
import * as classes from '../../dist/errors/sqlite-errors.js';
import { isSqliteFailure, translateError } from '../../dist/errors/translate.js';
import { folder, nativeError } from './native-error.mts';

const { SqliteResultError } = classes;
const windows = process.platform === 'win32';

interface Provoked {
  readonly code: string;
  readonly errorClass: keyof typeof classes.sqliteErrorClasses;
  readonly retryable?: boolean;
  readonly fatal?: boolean;
  /** Says why it cannot be made to fail here. */
  readonly skip?: string | false;
  /** Makes SQLite fail. */
  readonly provoke: (path: string) => unknown;
}

function withSchema(path: string, schema: string): Native.Database {
  const db = new Native(path);
  db.exec(schema);
  return db;
}

const provoked: Provoked[] = [
  {
    code: 'SQLITE_ERROR',
    errorClass: 'SqliteResultError',
    provoke: path => new Native(path).prepare('SELECT * FROM missing'),
  },
  {
    code: 'SQLITE_CONSTRAINT_UNIQUE',
    errorClass: 'SqliteUniqueError',
    provoke: path => withSchema(path, 'CREATE TABLE t(a UNIQUE)').exec('INSERT INTO t VALUES (1), (1)'),
  },
  {
    code: 'SQLITE_CONSTRAINT_PRIMARYKEY',
    errorClass: 'SqliteUniqueError',
    provoke: path =>
      withSchema(path, 'CREATE TABLE t(a PRIMARY KEY) WITHOUT ROWID').exec('INSERT INTO t VALUES (1), (1)'),
  },
  {
    code: 'SQLITE_CONSTRAINT_ROWID',
    errorClass: 'SqliteUniqueError',
    provoke: path => withSchema(path, 'CREATE TABLE t(a)').exec('INSERT INTO t(rowid) VALUES (1), (1)'),
  },
  {
    code: 'SQLITE_CONSTRAINT_FOREIGNKEY',
    errorClass: 'SqliteForeignKeyError',
    provoke: path =>
      withSchema(path, 'CREATE TABLE p(id PRIMARY KEY); CREATE TABLE c(p REFERENCES p)').exec(
        'INSERT INTO c VALUES (1)',
      ),
  },
  {
    code: 'SQLITE_CONSTRAINT_NOTNULL',
    errorClass: 'SqliteNotNullError',
    provoke: path => withSchema(path, 'CREATE TABLE t(a NOT NULL)').exec('INSERT INTO t VALUES (NULL)'),
  },
  {
    code: 'SQLITE_CONSTRAINT_CHECK',
    errorClass: 'SqliteCheckError',
    provoke: path => withSchema(path, 'CREATE TABLE t(a CHECK (a > 0))').exec('INSERT INTO t VALUES (0)'),
  },
  {
    code: 'SQLITE_CONSTRAINT_DATATYPE',
    errorClass: 'SqliteConstraintError',
    provoke: path => withSchema(path, 'CREATE TABLE t(a INTEGER) STRICT').exec(`INSERT INTO t VALUES ('x')`),
  },
  {
    code: 'SQLITE_CONSTRAINT_TRIGGER',
    errorClass: 'SqliteConstraintError',
    provoke: path =>
      withSchema(
        path,
        `CREATE TABLE t(a); CREATE TRIGGER g BEFORE INSERT ON t BEGIN SELECT RAISE(ABORT, 'no'); END`,
      ).exec('INSERT INTO t VALUES (1)'),
  },
  {
    code: 'SQLITE_CONSTRAINT',
    errorClass: 'SqliteConstraintError',
    provoke: path =>
      withSchema(path, 'CREATE VIRTUAL TABLE r USING rtree(id, low, high)').exec('INSERT INTO r VALUES (1, 2, 1)'),
  },
  {
    code: 'SQLITE_MISMATCH',
    errorClass: 'SqliteResultError',
    provoke: path => withSchema(path, 'CREATE TABLE t(a INTEGER PRIMARY KEY)').exec(`INSERT INTO t VALUES ('x')`),
  },
  {
    code: 'SQLITE_TOOBIG',
    errorClass: 'SqliteTooBigError',
    provoke: path => new Native(path).prepare('SELECT zeroblob(2147483647) || 1').get(),
  },
  {
    code: 'SQLITE_BUSY',
    errorClass: 'SqliteBusyError',
    retryable: true,
    provoke(path) {
      withSchema(path, 'CREATE TABLE t(a)').exec('BEGIN IMMEDIATE');
      new Native(path, { timeout: 0 }).exec('INSERT INTO t VALUES (1)');
    },
  },
  {
    code: 'SQLITE_BUSY_SNAPSHOT',
    errorClass: 'SqliteBusySnapshotError',
    retryable: true,
    provoke(path) {
      // reader: BEGIN, SELECT ......................... INSERT -> SQLITE_BUSY_SNAPSHOT
      // writer:                 INSERT (and commit)
      const writer = withSchema(path, 'PRAGMA journal_mode = WAL; CREATE TABLE t(a)');
      const reader = new Native(path);
      reader.exec('BEGIN; SELECT * FROM t');
      writer.exec('INSERT INTO t VALUES (1)');
      reader.exec('INSERT INTO t VALUES (2)');
    },
  },
  {
    code: 'SQLITE_LOCKED',
    errorClass: 'SqliteLockedError',
    provoke(path) {
      const db = withSchema(path, 'PRAGMA journal_mode = WAL; CREATE TABLE t(a)');
      db.exec('BEGIN; SELECT * FROM t');
      db.pragma('wal_checkpoint');
    },
  },
  {
    code: 'SQLITE_READONLY',
    errorClass: 'SqliteReadonlyError',
    provoke(path) {
      withSchema(path, 'CREATE TABLE t(a)').close();
      new Native(path, { readonly: true }).exec('INSERT INTO t VALUES (1)');
    },
  },
  {
    code: 'SQLITE_READONLY_DBMOVED',
    errorClass: 'SqliteReadonlyError',
    fatal: true,
    skip: windows && 'Windows renames no file that is open',
    provoke(path) {
      const db = withSchema(path, 'CREATE TABLE t(a)');
      renameSync(path, `${path}.moved`);
      db.exec('INSERT INTO t VALUES (1)');
    },
  },
  {
    code: 'SQLITE_NOTADB',
    errorClass: 'SqliteNotADatabaseError',
    fatal: true,
    provoke(path) {
      writeFileSync(path, 'This is a letter and not a database.'.repeat(100));
      new Native(path).exec('SELECT * FROM sqlite_schema');
    },
  },
  {
    code: 'SQLITE_CORRUPT',
    errorClass: 'SqliteCorruptError',
    fatal: true,
    provoke(path) {
      withSchema(path, 'CREATE TABLE t(a); INSERT INTO t VALUES (1)').close();
      const fd = openSync(path, 'r+');
      writeSync(fd, Buffer.alloc(4096, 0xff), 0, 4096, 4096);
      closeSync(fd);
      new Native(path).exec('SELECT * FROM t');
    },
  },
  {
    code: 'SQLITE_CORRUPT_VTAB',
    errorClass: 'SqliteCorruptError',
    fatal: false,
    provoke: path =>
      withSchema(
        path,
        `CREATE TABLE content(a);
         CREATE VIRTUAL TABLE f USING fts5(a, content = 'content');
         INSERT INTO f(rowid, a) VALUES (1, 'x')`,
      ).exec(`INSERT INTO f(f, rank) VALUES ('integrity-check', 1)`),
  },
  {
    code: windows ? 'SQLITE_CANTOPEN_ISDIR' : 'SQLITE_CANTOPEN',
    errorClass: 'SqliteCantOpenError',
    provoke(path) {
      mkdirSync(path);
      new Native(path).exec('SELECT * FROM sqlite_schema');
    },
  },
  {
    code: 'SQLITE_CANTOPEN',
    errorClass: 'SqliteCantOpenError',
    provoke: path => new Native(path, { fileMustExist: true }),
  },
  {
    code: 'SQLITE_FULL',
    errorClass: 'SqliteFullError',
    provoke: path =>
      withSchema(path, 'CREATE TABLE t(a); PRAGMA max_page_count = 2').exec('INSERT INTO t VALUES (zeroblob(9999))'),
  },
  {
    code: 'SQLITE_IOERR_WRITE',
    errorClass: 'SqliteWriteError',
    fatal: true,
    provoke(path) {
      withSchema(path, 'PRAGMA journal_mode = WAL; CREATE TABLE t(a); INSERT INTO t VALUES (1)');
      new Native(path, { readonly: true }).pragma('wal_checkpoint');
    },
  },
  {
    code: 'SQLITE_ABORT_ROLLBACK',
    errorClass: 'SqliteResultError',
    provoke(path) {
      const db = withSchema(path, 'CREATE TABLE t(a); INSERT INTO t VALUES (1), (2); BEGIN; CREATE TABLE u(a)');
      db.unsafeMode();
      const rows = db.prepare('SELECT * FROM t').iterate();
      rows.next();
      db.exec('ROLLBACK');
      rows.next();
    },
  },
];

describe('translateError, over real failures of better-sqlite3', () => {
  for (const [
    index,
    { code, errorClass, retryable = false, fatal = false, skip = false, provoke },
  ] of provoked.entries()) {
    test(`${code} becomes ${errorClass} (${index + 1})`, { skip }, t => {
      const path = join(folder(t), 'a.db');
      const native = nativeError(t, () => provoke(path));
      assert.equal(native.code, code, native.message);

      const error = translateError(native, { file: path, operation: 'test' });
      assert.ok(error instanceof classes.sqliteErrorClasses[errorClass]);
      assert.equal(
        error.constructor,
        classes.sqliteErrorClasses[errorClass],
        'no more special class than the table says',
      );
      assert.ok(error instanceof Native.SqliteError, 'old checks hold');
      assert.equal(error.name, 'SqliteError');
      assert.equal(error.code, code);
      assert.ok(code.startsWith(error.primaryCode));
      assert.deepEqual([error.retryable, error.fatal], [retryable, fatal]);
      assert.equal(error.cause, native);
      assert.ok(error.message.startsWith(native.message));
      assert.deepEqual(error.details, { file: path, operation: 'test' });
      assert.equal(error.commitOutcome, undefined);
      assert.ok(!('commitOutcome' in error));
    });
  }

  test('adds code, operation and file to a message that speaks of the file', () => {
    const busy = translateError(new Native.SqliteError('database is locked', 'SQLITE_BUSY'), {
      file: '/data/app.db',
      operation: 'COMMIT',
    });
    assert.equal((busy as Error).message, 'database is locked (SQLITE_BUSY at COMMIT in /data/app.db)');
  });

  test('names no file where there is none', () => {
    for (const file of [null, undefined, '']) {
      const full = translateError(new Native.SqliteError('database or disk is full', 'SQLITE_FULL'), { file });
      assert.equal((full as Error).message, 'database or disk is full (SQLITE_FULL)');
      assert.deepEqual((full as { details: object }).details, {});
    }
  });

  test('leaves a message alone that names tables or columns, because programs read them out of it', t => {
    const path = join(folder(t), 'a.db');
    const native = nativeError(t, () => provoked[1]?.provoke(path));
    const error = translateError(native, { file: path, operation: 'exec' }) as Error;
    assert.equal(error.message, 'UNIQUE constraint failed: t.a');
  });

  test('says that the outcome of a COMMIT is unknown', () => {
    const error = translateError(new Native.SqliteError('disk I/O error', 'SQLITE_IOERR_FSYNC'), {
      file: '/data/app.db',
      operation: 'COMMIT',
      commitOutcome: 'unknown',
    });
    assert.ok(error instanceof classes.SqliteFsyncError);
    assert.equal(error.commitOutcome, 'unknown');
    assert.match(error.message, /^disk I\/O error \(SQLITE_IOERR_FSYNC at COMMIT in \/data\/app\.db\); it is unknown/);
  });

  test('resolves a code that better-sqlite3 has no name for', () => {
    const error = translateError(new Native.SqliteError('database is locked', 'UNKNOWN_SQLITE_ERROR_773'));
    assert.ok(error instanceof classes.SqliteBusyError);
    assert.equal(error.code, 'SQLITE_BUSY_TIMEOUT');
    assert.equal(error.primaryCode, 'SQLITE_BUSY');
  });

  test('keeps SQL without the bound values, and not more than 500 characters of it', t => {
    const db = withSchema(':memory:', 'CREATE TABLE t(a UNIQUE)');
    const insert = db.prepare('INSERT INTO t VALUES (?)');
    insert.run('secret');
    const native = nativeError(t, () => insert.run('secret'));
    const error = translateError(native, { file: null, operation: 'run', sql: insert.source + ' '.repeat(1000) });
    assert.ok(error instanceof SqliteResultError);
    assert.equal(String(error.details['sql']).length, 500);
    assert.ok(!JSON.stringify([error, error.message, error.details]).includes('secret'));
  });

  test('the trace begins where the member was called', t => {
    function member(): void {
      try {
        new Native(':memory:').exec('NONSENSE');
      } catch (error) {
        throw translateError(error);
      }
    }
    const error = nativeError(t, member);
    assert.match(error.stack ?? '', /^SqliteError: near "NONSENSE": syntax error\n {4}at member /);
  });
});

describe('what translateError leaves as it is', () => {
  class UsersOwn extends Native.SqliteError {}
  const others: [what: string, error: unknown][] = [
    ['an error of a user function', new Error('mine')],
    ['a TypeError of better-sqlite3', new TypeError('The database connection is not open')],
    ['a class that a user derived from SqliteError', new UsersOwn('mine', 'SQLITE_BUSY')],
    ['a SqliteError with a code that is not of SQLite', new Native.SqliteError('mine', 'MINE')],
    ['a text', 'database is locked'],
    ['nothing', undefined],
    ['null', null],
    ['an object that looks a little like it', { name: 'SqliteError', code: 'SQLITE_BUSY', message: 'x' }],
    ['an object without a prototype', Object.create(null)],
    ['a function', () => 1],
  ];
  for (const [what, error] of others) {
    test(what, () => assert.equal(translateError(error), error));
  }

  test('an error that is already translated', () => {
    const once = translateError(new Native.SqliteError('database is locked', 'SQLITE_BUSY'), { file: '/a' });
    assert.equal(translateError(once, { file: '/b' }), once);
  });
});

test('isSqliteFailure holds for both forms and nothing else', () => {
  const native = new Native.SqliteError('database is locked', 'SQLITE_BUSY');
  assert.ok(isSqliteFailure(native));
  assert.ok(isSqliteFailure(translateError(native)));
  for (const other of [new Error('x'), null, undefined, 'SQLITE_BUSY', {}]) assert.ok(!isSqliteFailure(other));
});
