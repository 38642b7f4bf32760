import assert from 'node:assert/strict';
import { cpSync, symlinkSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { inspect } from 'node:util';
import { MessageChannel, receiveMessageOnPort } from 'node:worker_threads';
import Native from 'better-sqlite3';
import * as refusals from '../../dist/errors/refusals.js';
import * as sqlite from '../../dist/errors/sqlite-errors.js';
import { translateError } from '../../dist/errors/translate.js';
import { folder } from './native-error.mts';
import { noLinks } from '../support/links.mts';

const require = createRequire(import.meta.url);
const root = fileURLToPath(new URL('../..', import.meta.url));

interface Copy {
  readonly refusals: typeof refusals;
  readonly sqlite: typeof sqlite;
  readonly translate: { translateError: typeof translateError };
}

/** A second copy of this package in this process, as two versions of it in one tree of node_modules are. */
function secondCopy(t: TestContext): Copy {
  const path = folder(t);
  cpSync(join(root, 'dist'), join(path, 'dist'), { recursive: true });
  symlinkSync(join(root, 'node_modules'), join(path, 'node_modules'));
  return {
    refusals: require(join(path, 'dist/errors/refusals.js')),
    sqlite: require(join(path, 'dist/errors/sqlite-errors.js')),
    translate: require(join(path, 'dist/errors/translate.js')),
  };
}

describe('instanceof across copies of the package', { skip: noLinks }, () => {
  test('holds for every class of failures, in both directions, along the tree', t => {
    const other = secondCopy(t).sqlite.sqliteErrorClasses;
    for (const [name, here] of Object.entries(sqlite.sqliteErrorClasses)) {
      const there = other[name as keyof typeof other];
      assert.notEqual(here, there, 'these are two classes');
      for (const [parentName, parent] of Object.entries(sqlite.sqliteErrorClasses)) {
        const expected = here === parent || parent.isPrototypeOf(here);
        assert.equal(new there('x', 'SQLITE_ERROR') instanceof parent, expected, `${name} is a ${parentName}`);
        assert.equal(new here('x', 'SQLITE_ERROR') instanceof parent, expected, `${name} is a ${parentName}`);
      }
      assert.ok(new here('x', 'SQLITE_ERROR') instanceof there);
    }
  });

  test('holds for every refusal, also for the family of those that are TypeErrors', t => {
    const other = secondCopy(t).refusals;
    for (const [name, there] of Object.entries(other.refusalClasses)) {
      const error = new there('x');
      for (const [hereName, here] of Object.entries(refusals.refusalClasses)) {
        assert.equal(error instanceof here, name === hereName, `${name} and ${hereName}`);
      }
      assert.ok(error instanceof refusals.SafeSqliteError);
      assert.ok(!(error instanceof sqlite.SqliteResultError));
      assert.equal(error.name, name);
    }
  });

  test('an error that another copy translated is not translated again', t => {
    const native = new Native.SqliteError('database is locked', 'SQLITE_BUSY');
    const there = secondCopy(t).translate.translateError(native);
    assert.equal(translateError(there), there);
  });

  test('an error of a second JavaScript copy of better-sqlite3 on one addon, as in Jest, is translated', () => {
    const folderOf = /[\\/]better-sqlite3[\\/]/;
    const kept = Object.entries(require.cache).filter(([path]) => folderOf.test(path) && !path.endsWith('.node'));
    for (const [path] of kept) delete require.cache[path];
    const { SqliteError } = require('better-sqlite3');
    for (const [path, module] of kept) require.cache[path] = module;
    const foreign = new SqliteError('database is locked', 'SQLITE_BUSY');
    assert.ok(!(foreign instanceof Native.SqliteError));
    assert.ok(translateError(foreign) instanceof sqlite.SqliteBusyError);
  });

  test('no other error passes for one of this library', () => {
    const strangers = [null, undefined, 1, 'x', {}, new Error('x'), new Native.SqliteError('x', 'SQLITE_BUSY')];
    for (const stranger of strangers) {
      assert.ok(!(stranger instanceof sqlite.SqliteResultError));
      assert.ok(!(stranger instanceof refusals.SafeSqliteError));
    }
  });
});

describe('classes that users derive', () => {
  class MyBusy extends sqlite.SqliteBusyError {}
  class MyRefusal extends refusals.UnsafeStatementError {
    override name = 'MyRefusal';
  }

  test('take part in the tree, and only their own instances are theirs', () => {
    const mine = new MyBusy('x', 'SQLITE_BUSY');
    assert.ok(mine instanceof MyBusy);
    assert.ok(mine instanceof sqlite.SqliteBusyError);
    assert.ok(mine instanceof sqlite.SqliteResultError);
    assert.ok(mine instanceof Native.SqliteError);
    assert.ok(!(new sqlite.SqliteBusyError('x', 'SQLITE_BUSY') instanceof MyBusy));
    assert.equal(mine.code, 'SQLITE_BUSY');
    assert.equal(mine.retryable, true);
  });

  test('of refusals too', () => {
    const mine = new MyRefusal('x', { hint: 'do y' });
    assert.ok(mine instanceof MyRefusal);
    assert.ok(mine instanceof refusals.SafeSqliteError);
    assert.ok(!(new refusals.UnsafeStatementError('x') instanceof MyRefusal));
    assert.equal(mine.name, 'MyRefusal');
    assert.equal(mine.hint, 'do y');
  });
});

describe('how an error looks', () => {
  const native = new Native.SqliteError('database is locked', 'SQLITE_BUSY');
  const busy = translateError(native, { file: '/data/app.db', operation: 'COMMIT' });

  test('printed: class, message, code, hint, details and cause', () => {
    const printed = inspect(busy);
    assert.match(
      printed,
      /^SqliteBusyError \[SqliteError\]: database is locked \(SQLITE_BUSY at COMMIT in \/data\/app\.db\)\n/,
    );
    assert.match(printed, /code: 'SQLITE_BUSY'/);
    assert.match(printed, /hint: /);
    assert.match(printed, /details: \{ file: '\/data\/app\.db', operation: 'COMMIT' \}/);
    assert.match(printed, /\[cause\]: SqliteError: database is locked\n/);
    assert.doesNotMatch(printed, /retryable|primaryCode|commitOutcome|lineage/);
  });

  test('a refusal is printed under its own name', () => {
    assert.match(inspect(new refusals.UnsafeStatementError('no')), /^UnsafeStatementError: no\n/);
  });

  test('as JSON: what is useful in a log line', () => {
    assert.deepEqual(Object.keys(JSON.parse(JSON.stringify(busy))), ['code', 'hint', 'details']);
  });

  for (const [how, copy] of [
    ['structuredClone', structuredClone],
    ['postMessage', throughPort],
  ] as const) {
    test(`${how} keeps message, stack and cause, and nothing else`, () => {
      const clone = copy(busy) as Error & { code?: unknown };
      assert.ok(clone instanceof Error);
      assert.ok(!(clone instanceof sqlite.SqliteResultError));
      assert.equal(clone.message, (busy as Error).message);
      assert.equal(clone.stack, (busy as Error).stack);
      assert.equal((clone.cause as Error).message, native.message);
      assert.equal(clone.code, undefined);
    });
  }
});

function throughPort(value: unknown): unknown {
  const { port1, port2 } = new MessageChannel();
  port1.postMessage(value);
  const received = receiveMessageOnPort(port2)?.message;
  port1.close();
  return received;
}
