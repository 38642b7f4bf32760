import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { healthOf, type HealthFacts } from '../../dist/health/health.js';

const nothingYet = { buckets: [], sum: 0, count: 0 };

const healthy: HealthFacts = {
  file: '/data/a.db',
  journalMode: 'wal',
  synchronous: 'full',
  sqliteVersion: '3.54.1',
  filesystem: { type: 'ext4', class: 'local', mountPoint: '/', durable: true },
  filesystemErrors: null,
  space: null,
  warnings: [],
  refusal: null,
  checkpoints: {
    owner: 'self',
    walBytes: 0,
    pendingBytes: 0,
    walLimitBytes: 1000,
    lastCompleteAgeMs: 5,
    blocked: null,
    failed: null,
    counts: { complete: 1, blocked: 0, busy: 0, failed: 0 },
    durationMs: nothingYet,
  },
  jobs: { thread: 'worker', obstacle: null },
  commitMs: nothingYet,
  faults: {},
  fullAgeMs: null,
  lastCheck: null,
  sentinel: { locks: 'watched', reason: '', checks: 1 },
  writes: { queued: 0, oldestMs: null, waitsFor: null },
  readers: {
    mode: 'processes',
    obstacle: null,
    max: 1,
    processes: 0,
    busy: 0,
    queued: 0,
    oldestMs: null,
    running: [],
    counts: { done: 0, failed: 0, timeout: 0, aborted: 0, refused: 0 },
    started: 0,
    killed: 0,
    lost: 0,
    durationMs: nothingYet,
  },
  backups: null,
};
const checkpoints = healthy.checkpoints as NonNullable<HealthFacts['checkpoints']>;
const backups = {
  lastBackup: null,
  ageMs: 0,
  next: null,
  running: false,
  failures: 0,
  lastError: null,
  overdue: null,
};

function counted(counters: Record<string, number>): HealthFacts['filesystemErrors'] {
  const count = Object.values(counters).reduce((sum, each) => sum + each, 0);
  return { source: '/sys/fs/ext4/sda1', count, counters, first: null, last: 'yesterday' };
}

const space = { freeBytes: 50e9, totalBytes: 100e9, freeInodes: 500, totalInodes: 1000 };

describe('healthOf', () => {
  const cases: [name: string, change: Partial<HealthFacts>, status: string, reason: RegExp | null][] = [
    ['all is well', {}, 'ok', null],
    ['ground that loses commits is a warning, no fault', { warnings: [{ code: 'x', message: 'y' }] }, 'ok', null],
    [
      'a filesystem that can lose the file',
      {
        filesystem: { type: 'tmpfs', class: 'memory', mountPoint: '/', durable: false },
        warnings: [{ code: 'non-durable-filesystem', message: 'tmpfs keeps files in memory.' }],
      },
      'degraded',
      /^The filesystem is not durable: tmpfs keeps files in memory\.$/,
    ],
    [
      'the same, accepted in words',
      {
        filesystem: { type: 'tmpfs', class: 'memory', mountPoint: '/', durable: false },
        warnings: [{ code: 'non-durable-filesystem-allowed', message: 'a cache' }],
      },
      'ok',
      null,
    ],
    [
      'syncs that do nothing',
      { warnings: [{ code: 'non-durable-sync', message: 'fsync is preloaded away.' }] },
      'degraded',
      /^Commits are not durable: fsync is preloaded away\.$/,
    ],
    ['damage that SQLite met', { faults: { SqliteCorruptError: 2 } }, 'degraded', /found damage .* 2 times since/],
    ['damage that SQLite looked for', { faults: { SqliteCorruptError: 0 } }, 'ok', null],
    ['a check that found nothing', { lastCheck: { ok: true, level: 'full', ageMs: 5, problem: null } }, 'ok', null],
    [
      'a check that found damage',
      { lastCheck: { ok: false, level: 'quick', ageMs: 5000, problem: 'Page 4: never used' } },
      'degraded',
      /A check 5 s ago found damage in the database: Page 4: never used/,
    ],
    ['no file', { file: null, jobs: null, checkpoints: null, sentinel: null, filesystem: null }, 'ok', null],
    ['a filesystem that has counted nothing', { filesystemErrors: counted({}) }, 'ok', null],
    [
      'errors that the filesystem has counted',
      { filesystemErrors: counted({ errors_count: 3 }) },
      'degraded',
      /counted errors \(errors_count 3, \/sys\/fs\/ext4\/sda1; the last: yesterday\)/,
    ],
    ['a disk that was full a moment ago', { fullAgeMs: 4000 }, 'degraded', /failed for lack of space 4 s ago/],
    ['a disk with room', { space }, 'ok', null],
    ['a small share of a large disk', { space: { ...space, freeBytes: 2e9 } }, 'ok', null],
    [
      'a full disk',
      { space: { ...space, freeBytes: 500 } },
      'degraded',
      /^The disk at \/ is full: 500 bytes of 100.0 GB/,
    ],
    ['a nearly full disk', { space: { ...space, freeBytes: 5e8 } }, 'degraded', /^The disk at \/ is nearly full/],
    ['no inodes', { space: { ...space, freeInodes: 0 } }, 'degraded', /has 0 of 1000 inodes free/],
    ['few inodes', { space: { ...space, freeInodes: 5 } }, 'degraded', /has 5 of 1000 inodes free/],
    ['inodes on demand', { space: { ...space, freeInodes: 0, totalInodes: 0 } }, 'ok', null],
    ['a filesystem without a size', { space: { ...space, freeBytes: 0, totalBytes: 0 } }, 'ok', null],
    ['no thread, as the application asked', { jobs: { thread: 'main', obstacle: null } }, 'ok', null],
    ['no thread', { jobs: { thread: 'main', obstacle: 'because of the bundle' } }, 'degraded', /because of the bundle/],
    ['a disk that was full once', { fullAgeMs: 60_000 }, 'ok', null],
    [
      'one failed checkpoint',
      { checkpoints: { ...checkpoints, failed: { consecutive: 1, code: 'SQLITE_FULL', message: 'm' } } },
      'ok',
      null,
    ],
    [
      'failed again and again',
      { checkpoints: { ...checkpoints, failed: { consecutive: 3, code: 'SQLITE_FULL', message: 'm' } } },
      'degraded',
      /3 checkpoints failed with SQLITE_FULL/,
    ],
    [
      'blocked for a moment',
      { checkpoints: { ...checkpoints, blocked: { consecutive: 5, forMs: 59_999 } } },
      'ok',
      null,
    ],
    [
      'blocked for long',
      { checkpoints: { ...checkpoints, blocked: { consecutive: 5, forMs: 60_000 } } },
      'degraded',
      /blocked for 60 s/,
    ],
    ['a WAL above its limit', { checkpoints: { ...checkpoints, walBytes: 1001 } }, 'degraded', /1001 bytes/],
    [
      'the same, with another owner',
      { checkpoints: { ...checkpoints, walBytes: 1001, owner: 'external' } },
      'degraded',
      /1001 bytes.*The external program that checkpoints it is too slow, or is not running\./,
    ],
    ['a long queue that moves', { writes: { queued: 9000, oldestMs: 50, waitsFor: null } }, 'ok', null],
    [
      'a queue that does not move',
      { writes: { queued: 3, oldestMs: 12_000, waitsFor: 'connection' } },
      'degraded',
      /3 writes.*for the connection for 12 s/,
    ],
    ['backups that work', { backups }, 'ok', null],
    [
      'a backup that was not made',
      { backups: { ...backups, ageMs: 900_000, overdue: 'another process holds the schedule' } },
      'degraded',
      /^No scheduled backup was made for 900 s, which is more than two intervals: another process holds the schedule$/,
    ],
    ['a backup that failed', { backups: { ...backups, failures: 1, lastError: 'disk full' } }, 'degraded', /disk full/],
    [
      'fenced',
      {
        refusal: { code: 'SAFE_SQLITE_FENCED', message: 'it is fenced', hint: 'h' },
        backups: { ...backups, failures: 1 },
      },
      'fenced',
      /^it is fenced$/,
    ],
  ];
  for (const [name, change, status, reason] of cases) {
    test(name, () => {
      const health = healthOf({ ...healthy, ...change });
      assert.equal(health.status, status);
      if (reason === null) assert.deepEqual(health.reasons, []);
      else assert.match(health.reasons.join('\n'), reason);
      assert.ok(Object.isFrozen(health) && Object.isFrozen(health.reasons));
    });
  }
});
