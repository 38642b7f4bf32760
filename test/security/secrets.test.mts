/**
 * Tests what an error may reveal: no credentials of paths, no long values of options, and of bound values only what
 * SQLite itself quotes.
 */
import assert from 'node:assert/strict';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { inspect } from 'node:util';
import Native from 'better-sqlite3';
import {
  clearFence,
  Database,
  diagnose,
  inspectFilesystem,
  openDatabase,
  readFence,
  restoreDatabase,
  SqliteError,
  verifyDatabase,
} from 'safe-sqlite';
import { withoutCredentials } from '../../dist/base/credentials.js';

const secret = 'hunter2-hunter2';

function failureOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    return inspect(error, { depth: 9, showHidden: true }).replaceAll(/\n\s+at .*/g, '');
  }
  throw new Error('It did not fail.');
}

describe('secrets', () => {
  for (const [given, expected] of [
    [`libsql://user:${secret}@host/db?authToken=${secret}`, 'libsql://…@host/db?authToken=…'],
    [`postgres:/user:${secret}@host/db`, 'postgres:/…@host/db'],
    [`https://${secret}@host`, 'https://…@host'],
    [`file:app.db?key=${secret}&mode=ro`, 'file:app.db?key=…&mode=…'],
    [`sqlite:///a:p@${secret}@host`, 'sqlite:///…@host'],
    ['/srv/data/app.db', '/srv/data/app.db'],
    ['/srv/a@b/app.db', '/srv/a@b/app.db'],
    [String.raw`C:\data\app.db`, String.raw`C:\data\app.db`],
  ] as const) {
    test(`${expected} is what is shown`, () => assert.equal(withoutCredentials(given), expected));
  }

  test('no error quotes the credentials of a path or an option', async () => {
    const url = `libsql://user:${secret}@nowhere.invalid/db?authToken=${secret}`;
    const failures = [
      failureOf(() => openDatabase(url)),
      failureOf(() => new Database(url)),
      failureOf(() => new Database(':memory:', { journalMode: url } as never)),
      failureOf(() => new Database(':memory:', { timeout: url } as never)),
      failureOf(() => new Database(':memory:', { rescueDirectory: `${url}\0` } as never)),
    ];
    for (const failure of failures) assert.doesNotMatch(failure, new RegExp(secret));
    using db = new Database(':memory:', { logger: false });
    const calls: readonly (() => unknown)[] = [
      () => verifyDatabase(url),
      () => restoreDatabase({ from: url, to: '/nowhere' }),
      () => restoreDatabase({ from: '/nowhere', to: url }),
      () => db.backup(url),
      () => db.withSnapshot(() => 1, { directory: url }),
      () => db.attach(url, 'other'),
      () => diagnose(url),
      () => inspectFilesystem(url),
      () => readFence(url),
      () => clearFence(url),
      () => openDatabase(join(tmpdir(), 'never.db'), { backup: { directory: url } }),
      () => openDatabase(join(tmpdir(), 'never.db'), { rescueDirectory: url }),
    ];
    for (const call of calls) {
      await assert.rejects(
        async () => call(),
        (error: Error) => {
          assert.doesNotMatch(inspect(error, { depth: 9, showHidden: true }), new RegExp(secret), String(call));
          return error instanceof TypeError || error instanceof SqliteError;
        },
      );
    }
    await assert.rejects(verifyDatabase(7 as never), TypeError);
    await assert.rejects(restoreDatabase({ from: '/nowhere', to: '/nowhere/at/all' }));
  });

  test('a bound value is in no error of a constraint, of a type or of a failed write', () => {
    using db = new Database(':memory:');
    db.exec('CREATE TABLE t (a INTEGER PRIMARY KEY, b TEXT UNIQUE NOT NULL CHECK (length(b) < 100)) STRICT');
    const insert = db.prepare('INSERT INTO t (b) VALUES (?)');
    insert.run(secret);
    for (const value of [secret, secret.repeat(20), null, Buffer.from(secret)]) {
      assert.doesNotMatch(
        failureOf(() => insert.run(value)),
        new RegExp(secret),
      );
    }
  });

  for (const [sql, value] of [
    ["SELECT json_extract('{}', ?)", secret],
    ['SELECT * FROM f WHERE f MATCH ?', `${secret} )`],
  ] as const) {
    test(`SQLite itself quotes a value of ${sql}, which docs/security.md says, and the message is passed on as it is`, () => {
      using ours = new Database(':memory:');
      const raw = new Native(':memory:');
      const messages = [ours as unknown as Native.Database, raw].map(db => {
        db.exec('CREATE VIRTUAL TABLE f USING fts5(a)');
        return failureOf(() => db.prepare(sql).get(value))
          .split('\n')[0]
          ?.replace(/^.*?: /, '');
      });
      raw.close();
      assert.equal(messages[0], messages[1]);
      assert.match(messages[0] ?? '', /hunter2|syntax error near/);
    });
  }
});
