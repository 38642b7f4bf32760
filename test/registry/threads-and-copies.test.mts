import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import * as library from 'safe-sqlite';
import { installSecondCopy } from '../support/second-copy.mts';
import { noLinks } from '../support/links.mts';

const require = createRequire(import.meta.url);
const folder = realpathSync(mkdtempSync(join(tmpdir(), 'safe-sqlite-copies-')));
after(() => rmSync(folder, { recursive: true, force: true }));
const linux = process.platform === 'linux' ? false : 'needs the /proc of Linux';
let second = '';
let count = 0;
before(() => {
  second = installSecondCopy(folder);
});

interface Refused {
  readonly name: string;
  readonly message: string;
  readonly details?: Record<string, unknown>;
}

function run<Result>(scenario: string): Result {
  const place = join(folder, String(count++));
  mkdirSync(place);
  const program = fileURLToPath(new URL('scenarios.mts', import.meta.url));
  const args = ['--no-warnings', program, scenario, join(place, 'app.db'), second];
  return JSON.parse(execFileSync(process.execPath, args, { encoding: 'utf8' })) as Result;
}

describe('another copy of SQLite has the file', { skip: linux }, () => {
  const cases: [scenario: string, named: () => string][] = [
    ['node:sqlite', () => 'node:sqlite'],
    ['a second better-sqlite3', () => second],
    ['a foreign nativeBinding', () => second],
    ['a descriptor', () => 'plain file descriptor'],
  ];
  for (const [scenario, named] of cases) {
    test(`${scenario}: refused by name, and welcome once it is closed`, () => {
      const { refused, afterwards } = run<{ refused: Refused; afterwards: unknown }>(scenario);
      assert.equal(refused.name, 'SqliteCopyConflictError');
      assert.ok(refused.message.includes(named()), refused.message);
      assert.equal(afterwards, 'opened');
    });
  }

  test('in the main thread, when a worker opens it', () => {
    for (const scenario of ['a worker of another copy', 'a worker that node:sqlite was faster than']) {
      const { said } = run<{ said: Refused }>(scenario);
      assert.equal(said.name, 'SqliteCopyConflictError', JSON.stringify(said));
    }
  });
});

describe('threads', { skip: linux }, () => {
  test('of the same copy are welcome', () => {
    assert.deepEqual(run('a worker of the same copy'), { said: 'open', here: 'opened' });
  });

  test('tell each other what the guard protects, until they end', () => {
    assert.deepEqual(run('the guard and the files of workers'), {
      during: 'SqliteCopyConflictError',
      listed: 1,
      terminated: 'read',
      listedAfter: 0,
    });
  });
});

describe('another copy of this package', () => {
  test('shares registry and instances with this one', { skip: noLinks }, () => {
    const root = dirname(dirname(require.resolve('safe-sqlite')));
    const installed = join(folder, 'package');
    cpSync(join(root, 'dist'), join(installed, 'dist'), { recursive: true });
    cpSync(join(root, 'package.json'), join(installed, 'package.json'));
    symlinkSync(join(root, 'node_modules'), join(installed, 'node_modules'));
    const other = require(join(installed, 'dist', 'index.js')) as typeof library;
    assert.notEqual(other.openDatabase, library.openDatabase);
    const file = join(folder, 'shared.db');
    const here = library.openDatabase(file, { logger: false, durability: 'full' });
    const there = other.openDatabase(file, { logger: false });
    there.exec('CREATE TABLE t(a)');
    assert.throws(() => other.openDatabase(file, { durability: 'extra' }), library.InstanceConflictError);
    here.close();
    there.exec('INSERT INTO t VALUES (1)');
    there.close();
  });
});
