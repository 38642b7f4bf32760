/** Tests the versions of SQLite that are refused for each use. */
import { test, describe } from 'node:test';
import assert from 'node:assert/strict';
import Database from 'better-sqlite3';
import { compareVersions, versionProblems, type SqliteUse } from '../../dist/policy/sqlite-versions.js';

const wal: SqliteUse = { journal: 'wal', severalDatabases: false, platform: 'linux' };
const rollback: SqliteUse = { ...wal, journal: 'rollback' };
const attached: SqliteUse = { ...wal, severalDatabases: true };
const windows: SqliteUse = { ...rollback, platform: 'win32' };

const names = (version: string, use: SqliteUse) => versionProblems(version, use).map(problem => problem.name);

const rows: readonly (readonly [string, SqliteUse, ...string[]])[] = [
  ['3.51.2', wal, 'wal-reset'],
  ['3.51.2', rollback],
  ['3.51.2', { ...wal, journal: null }, 'wal-reset'],
  ['3.51.3', wal],
  ['3.50.6', wal, 'wal-reset'],
  ['3.50.7', wal],
  ['3.50.9', wal],
  ['3.49.2', wal, 'wal-reset'],
  ['3.45.0', wal, 'wal-reset'],
  ['3.44.5', wal, 'wal-reset'],
  ['3.44.6', wal],
  ['3.43.9', wal, 'wal-reset'],
  ['3.52.0', wal, 'withdrawn-release'],
  ['3.52.0', rollback, 'withdrawn-release'],
  ['3.53.0', wal],
  ['3.53.2', attached],
  ['3.53.3', attached, 'zeroed-super-journal-name'],
  ['3.53.3', rollback, 'zeroed-super-journal-name'],
  ['3.53.3', wal],
  ['3.53.4', attached],
  ['3.54.1', attached],
  ['3.54.1', windows],
  ['3.37.1', rollback, 'statement-journal-rollback'],
  ['3.37.2', rollback],
  ['3.35.0', wal, 'wal-reset', 'statement-journal-rollback'],
  ['3.34.9', rollback],
  ['3.7.16.1', windows, 'windows-hot-journal-race'],
  ['3.7.16.2', windows],
  ['3.7.16.1', rollback],
  ['3.7.5', rollback, 'mixed-version-size'],
  ['3.7.4', rollback, 'mixed-version-size', 'wal-toggle-stale-cache'],
  ['3.7.2', wal, 'wal-reset', 'mixed-version-size', 'wal-toggle-stale-cache', 'shared-memory-lock-error'],
  ['3.7.1', rollback, 'mixed-version-size', 'wal-toggle-stale-cache', 'incremental-vacuum'],
  ['3.7.0', rollback, 'mixed-version-size', 'wal-toggle-stale-cache', 'incremental-vacuum', 'growth-after-old-version'],
  ['3.6.16', rollback, 'incremental-vacuum'],
  ['3.6.15', rollback],
];

describe('versionProblems', () => {
  for (const [version, use, ...expected] of rows) {
    test(`${version} ${use.journal} ${use.platform}: ${expected.join(', ') || 'sound'}`, () => {
      assert.deepEqual(names(version, use), expected);
    });
  }

  test('the SQLite of this installation is sound', () => {
    const db = new Database(':memory:');
    const version = db.prepare('SELECT sqlite_version()').pluck().get() as string;
    db.close();
    assert.deepEqual(names(version, { journal: null, severalDatabases: true, platform: process.platform }), []);
  });
});

test('numbers are compared as numbers', () => {
  assert.ok(compareVersions('3.9.0', '3.10.0') < 0);
  assert.ok(compareVersions('3.7.16.1', '3.7.16') > 0);
  assert.equal(compareVersions('3.7', '3.7.0'), 0);
});
