/** The decision, by tables. What each platform's ground leads to is in test/filesystem/platforms.test.mts. */
import { test, describe } from 'node:test';
import assert from 'node:assert/strict';
import Database from 'better-sqlite3';
import type { FilesystemReport } from '../../dist/filesystem/report.js';
import { UnsafeFilesystemError, UnsafeSqliteVersionError } from '../../dist/errors/refusals.js';
import { decide, type DecisionInput } from '../../dist/policy/decide.js';
import type { Plan } from '../../dist/policy/plan.js';
import { walFormatError, walFormatWayOut } from '../../dist/policy/wal-format.js';

function report(facts: Partial<FilesystemReport> = {}): FilesystemReport {
  return {
    path: 'app.db',
    target: '/data/app.db',
    platform: 'linux',
    mountPoint: '/data',
    type: 'ext4',
    source: '/dev/sda1',
    root: '/',
    options: ['rw'],
    superOptions: ['rw'],
    class: 'local',
    verdict: 'wal',
    reason: 'A disk filesystem of this kernel.',
    durable: true,
    warnings: [],
    sandbox: { gVisor: false, wsl: null, container: null },
    evidence: {
      rule: 'type',
      foundBy: 'descriptor',
      mountRows: [],
      mountId: 1,
      folderMountId: 1,
      statfsType: '0xef53',
      device: '8:1',
      notes: [],
    },
    ...facts,
  };
}

const nfs = report({
  type: 'nfs4',
  source: 'nas:/vol',
  class: 'network',
  verdict: 'refuse',
  reason: 'Committed rows are lost without an error.',
  warnings: [{ code: 'network-mount-options', message: '`nolock`' }],
});
const fat = report({ type: 'vfat', verdict: 'rollback', reason: 'A removable-media filesystem.' });
const image = report({ type: 'squashfs', class: 'read-only', verdict: 'read-only', reason: 'It is an image.' });
const proc = report({ type: 'proc', class: 'pseudo', verdict: 'refuse', reason: 'It keeps no files.' });
const why = 'one process on one host, checked by the deployment';

function ask(input: Partial<DecisionInput> = {}) {
  return decide({
    filesystem: report(),
    storage: 'file',
    file: '/data/app.db',
    readonly: false,
    journalMode: 'auto',
    durability: 'full',
    dangerously: {},
    platform: 'linux',
    sqliteVersion: '3.54.1',
    ...input,
  });
}

function planOf(input: Partial<DecisionInput>): Plan {
  const decision = ask(input);
  assert.equal(decision.verdict, 'open');
  return decision.plan;
}

function errorOf(input: Partial<DecisionInput>): Error & { hint: string; details: Record<string, unknown> } {
  const decision = ask(input);
  assert.equal(decision.verdict, 'refuse');
  return decision.error() as Error & { hint: string; details: Record<string, unknown> };
}

describe('journal mode and synchronous', () => {
  const rows: readonly (readonly [string, Partial<DecisionInput>, Plan['journalMode'], Plan['synchronous']])[] = [
    ['a local disk', {}, 'wal', 'full'],
    ['a local disk, extra', { durability: 'extra' }, 'wal', 'extra'],
    ['a local disk, WAL asked for', { journalMode: 'wal' }, 'wal', 'full'],
    ['a local disk, rollback asked for', { journalMode: 'rollback' }, 'delete', 'extra'],
    ['a local disk, read-only', { readonly: true }, null, 'full'],
    ['ground for a rollback journal only', { filesystem: fat }, 'delete', 'extra'],
    ['the same on Windows', { filesystem: fat, platform: 'win32' }, 'truncate', 'full'],
    ['the same on macOS', { filesystem: fat, platform: 'darwin' }, 'truncate', 'full'],
    ['the same on macOS, extra', { filesystem: fat, platform: 'darwin', durability: 'extra' }, 'truncate', 'extra'],
    ['the same, read-only', { filesystem: fat, readonly: true, journalMode: 'wal' }, null, 'full'],
    ['an image, read-only', { filesystem: image, readonly: true }, null, 'full'],
    [
      'NFS that the application accepts',
      { filesystem: nfs, dangerously: { allowNetworkFilesystem: why } },
      'delete',
      'extra',
    ],
    [
      'the same, read-only',
      { filesystem: nfs, readonly: true, dangerously: { allowNetworkFilesystem: why } },
      null,
      'full',
    ],
    ['memory', { storage: 'memory', filesystem: null, file: null }, null, 'full'],
    ['temporary', { storage: 'temporary', filesystem: null, file: null }, null, 'full'],
  ];
  for (const [name, input, journalMode, synchronous] of rows) {
    test(name, () => {
      const plan = planOf(input);
      assert.equal(plan.journalMode, journalMode);
      assert.equal(plan.synchronous, synchronous);
      assert.ok(plan.reasons.length >= 2);
      assert.ok(Object.isFrozen(plan) && Object.isFrozen(plan.reasons) && Object.isFrozen(plan.warnings));
    });
  }

  test('fullfsync on macOS only, and only for a file', () => {
    assert.equal(planOf({ platform: 'darwin' }).fullfsync, true);
    assert.equal(planOf({}).fullfsync, false);
    assert.equal(planOf({ platform: 'darwin', storage: 'memory', filesystem: null, file: null }).fullfsync, false);
  });
});

describe('refusals', () => {
  const rows: readonly (readonly [string, Partial<DecisionInput>])[] = [
    ['NFS', { filesystem: nfs }],
    ['NFS, read-only', { filesystem: nfs, readonly: true }],
    ['NFS, null instead of a reason', { filesystem: nfs, dangerously: { allowNetworkFilesystem: null } }],
    [
      'NFS allowed, but WAL asked for',
      { filesystem: nfs, journalMode: 'wal', dangerously: { allowNetworkFilesystem: why } },
    ],
    ['WAL where only a rollback journal works', { filesystem: fat, journalMode: 'wal' }],
    ['an image, for writing', { filesystem: image }],
    ['procfs, whatever is allowed', { filesystem: proc, dangerously: { allowNetworkFilesystem: why } }],
  ];
  for (const [name, input] of rows) {
    test(name, () => {
      const error = errorOf(input);
      assert.ok(error instanceof UnsafeFilesystemError);
      const { filesystem } = input;
      assert.ok(filesystem);
      for (const part of ['/data/app.db', filesystem.type, '/data', filesystem.reason])
        assert.ok(error.message.includes(part), part);
      assert.ok(error.hint.length > 20);
      assert.equal(error.details['filesystem'], filesystem);
      assert.deepEqual(JSON.parse(JSON.stringify(error.details['filesystem'])), filesystem);
    });
  }

  test('the way to insist is shown only where it works', () => {
    assert.match(errorOf({ filesystem: nfs }).hint, /allowNetworkFilesystem/);
    assert.doesNotMatch(errorOf({ filesystem: proc }).hint, /allowNetworkFilesystem/);
  });
});

describe('warnings', () => {
  test('those of the filesystem are passed on', () => {
    const warnings = [{ code: 'non-durable-filesystem', message: 'tmpfs' }];
    assert.deepEqual(planOf({ filesystem: report({ warnings }) }).warnings, warnings);
    assert.deepEqual(planOf({ filesystem: report({ warnings }), readonly: true }).warnings, warnings);
  });

  test('an allowed network filesystem warns at every open, with the reason that was given and what the mount says', () => {
    for (const readonly of [false, true]) {
      const { warnings } = planOf({ filesystem: nfs, readonly, dangerously: { allowNetworkFilesystem: why } });
      assert.deepEqual(
        warnings.map(warning => warning.code),
        ['network-filesystem-allowed', 'network-mount-options'],
      );
      assert.ok(warnings[0]?.message.includes(why));
      assert.ok(warnings[0]?.message.includes(nfs.reason));
    }
  });

  test('on safe ground the permission is not needed and not warned of', () => {
    assert.deepEqual(planOf({ dangerously: { allowNetworkFilesystem: why } }).warnings, []);
  });
});

test('accepted commits without a sync are warned of at every open that may write', () => {
  const dangerously = { allowUnsyncedCommits: why };
  const [warning] = planOf({ dangerously }).warnings;
  assert.equal(warning?.code, 'unsynced-commits-allowed');
  assert.ok(warning.message.includes(why));
  assert.deepEqual(planOf({ dangerously, readonly: true }).warnings, []);
  assert.deepEqual(planOf({ dangerously, storage: 'memory', filesystem: null, file: null }).warnings, []);
});

describe('the version of SQLite', () => {
  test('a bug that applies is refused, and named', () => {
    const error = errorOf({ sqliteVersion: '3.51.2' });
    assert.ok(error instanceof UnsafeSqliteVersionError);
    assert.match(error.message, /3\.51\.2.*walresetbug/s);
    assert.match(error.hint, /3\.51\.3/);
  });
  test('the same version with a rollback journal is not', () => {
    assert.equal(planOf({ sqliteVersion: '3.51.2', journalMode: 'rollback' }).journalMode, 'delete');
  });
  test('a read-only connection may meet a WAL', () => {
    assert.ok(errorOf({ sqliteVersion: '3.51.2', readonly: true }) instanceof UnsafeSqliteVersionError);
  });
  test('a database in memory has no WAL and no journal that others see', () => {
    assert.equal(
      planOf({ sqliteVersion: '3.51.2', storage: 'memory', filesystem: null, file: null }).warnings.length,
      0,
    );
  });
  test('the application may accept it, and its reason is quoted at every open', () => {
    const { warnings } = planOf({ sqliteVersion: '3.51.2', dangerously: { allowSqliteVersion: why } });
    assert.equal(warnings[0]?.code, 'unsafe-sqlite-version-allowed');
    assert.ok(warnings[0]?.message.includes(why));
  });
});

test('the way out of WAL format without shared memory', () => {
  const way = walFormatWayOut(report({ type: '9p', class: 'vm-share', verdict: 'refuse' }));
  assert.match(way.message, /\/data\/app\.db on the 9p filesystem at \/data/);
  assert.deepEqual(way.statements, ['PRAGMA locking_mode=EXCLUSIVE', 'PRAGMA journal_mode=DELETE']);
});

test('it is named only where it is the reason', () => {
  const share = report({ type: '9p', class: 'vm-share', verdict: 'refuse' });
  const failure = (code: string) => new Database.SqliteError('disk I/O error', code);
  const codeOf = (code: string, storage: FilesystemReport | null, shmExists: boolean) =>
    walFormatError(failure(code), storage, shmExists)?.code;
  assert.equal(codeOf('SQLITE_IOERR_SHMMAP', share, true), 'SQLITE_IOERR_SHMMAP');
  assert.equal(codeOf('SQLITE_IOERR_LOCK', share, true), 'SQLITE_IOERR_LOCK');
  assert.equal(codeOf('SQLITE_IOERR_SHMMAP', share, false), undefined);
  assert.equal(codeOf('SQLITE_IOERR_SHMMAP', report(), true), undefined);
  assert.equal(codeOf('SQLITE_IOERR_SHMMAP', null, true), undefined);
  assert.equal(codeOf('SQLITE_BUSY', share, true), undefined);
  assert.equal(walFormatError('no error', share, true), null);
});

test('a version with a bug of transactions over several files is refused for one WAL file too: ATTACH may come any time', () => {
  const decision = ask({ sqliteVersion: '3.53.3' });
  assert.equal(decision.verdict, 'refuse');
  assert.ok(decision.verdict === 'refuse' && decision.error() instanceof UnsafeSqliteVersionError);
  assert.equal(ask({ sqliteVersion: '3.53.4' }).verdict, 'open');
});
