// Scheduled backups: the decisions by tables, the schedule with real files and a clock of the test's own.
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { dueBackup, retention } from '../../dist/backup/schedule-rules.js';
import { backupPath, listBackups, momentOf, stampOf } from '../../dist/backup/folder.js';
import { startSchedule, type Schedule } from '../../dist/backup/schedule.js';
import { takeScheduleLock } from '../../dist/backup/schedule-lock.js';
import { backUp, bank, dist, folder, names } from './fixture.mts';
import { isAbandoned } from '../../dist/filesystem/process-id.js';
import { until } from '../support/until.mts';
import { setTimeout as delay } from 'node:timers/promises';

const hour = 3_600_000;
const day = 24 * hour;
const byTime = (one: number, other: number) => one - other;
const start = Date.parse('2026-11-21T12:00:00Z');

describe('when a backup is due', () => {
  const calm = { now: start, backups: [], intervalMs: hour, failures: 0, lastFailure: null };
  for (const [what, facts, expected] of [
    ['none yet', {}, { at: start, reason: 'first' }],
    ['one of ten minutes ago', { backups: [start - 600_000] }, { at: start + 3_000_000, reason: 'interval' }],
    ['one of exactly an hour ago', { backups: [start - hour] }, { at: start, reason: 'interval' }],
    ['a week missed: one, at once', { backups: [start - 7 * day] }, { at: start - 7 * day + hour, reason: 'missed' }],
    ['one of next year', { backups: [start + 365 * day] }, { at: start, reason: 'first' }],
    ['one of next year, one of now', { backups: [start + 365 * day, start] }, { at: start + hour, reason: 'interval' }],
    ['one failure', { failures: 1, lastFailure: start }, { at: start + 60_000, reason: 'retry' }],
    ['four failures', { failures: 4, lastFailure: start }, { at: start + 480_000, reason: 'retry' }],
    ['very many failures', { failures: 99, lastFailure: start }, { at: start + hour, reason: 'retry' }],
    [
      'a failure before the clock went back',
      { failures: 1, lastFailure: start + day },
      { at: start + 60_000, reason: 'retry' },
    ],
  ] as const) {
    test(what, () => assert.deepEqual(dueBackup({ ...calm, ...facts }), expected));
  }
});

describe('what is kept', () => {
  const kept = (moments: number[], now: number, rules: object) =>
    retention(moments, each => each, now, { newest: 1, daily: 0, weekly: 0, ...rules })
      .keep.map(({ item }) => item)
      .toSorted(byTime);
  const hourly = Array.from({ length: 40 * 24 }, (_, index) => start - index * hour);

  test('the newest N', () =>
    assert.deepEqual(kept(hourly, start, { newest: 3 }), [start - 2 * hour, start - hour, start]));

  test('the newest of each of the last days, in UTC', () => {
    const midnight = Date.parse('2026-11-21T00:00:00Z');
    assert.deepEqual(kept(hourly, start, { daily: 3 }), [midnight - day - hour, midnight - hour, start]);
  });

  test('the newest of each of the last weeks, which begin on Monday', () => {
    // The 21st of November 2026 is a Saturday.
    assert.deepEqual(kept(hourly, start, { weekly: 3 }), [
      Date.parse('2026-11-08T23:00:00Z'),
      Date.parse('2026-11-15T23:00:00Z'),
      start,
    ]);
  });

  test('the newest one, whatever the rules say', () => assert.deepEqual(kept(hourly, start, { newest: 0 }), [start]));

  test('days without a backup do not count', () => {
    const rare = [start, start - 30 * day, start - 60 * day];
    assert.deepEqual(kept(rare, start, { daily: 3 }), rare.toReversed());
  });

  test('for any backups and rules: the newest stays, nothing is lost from the account, and a second look removes nothing', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.integer({ min: start - 400 * day, max: start + day }), { maxLength: 60 }),
        fc.record({ newest: fc.integer({ min: 1, max: 5 }), daily: fc.nat(9), weekly: fc.nat(9) }),
        (moments, rules) => {
          const first = retention(moments, each => each, start, rules);
          const keeps = first.keep.map(({ item }) => item);
          assert.deepEqual([...keeps, ...first.remove].toSorted(byTime), moments.toSorted(byTime));
          const past = moments.filter(each => each <= start);
          if (past.length > 0) assert.ok(keeps.includes(Math.max(...past)));
          assert.ok(moments.filter(each => each > start).every(each => keeps.includes(each)));
          assert.deepEqual(retention(keeps, each => each, start, rules).remove, []);
        },
      ),
    );
  });
});

test('stamps sort as moments, and read back', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 4e12 }), fc.integer({ min: 0, max: 4e12 }), (one, other) => {
      assert.equal(momentOf(stampOf(one)), one);
      assert.equal(stampOf(one) < stampOf(other), one < other);
    }),
  );
  for (const wrong of ['', '20261121', '20261131T000000000Z', '20261121T250000000Z', '20261121T000000000z']) {
    assert.equal(momentOf(wrong), null, wrong);
  }
});

describe('the schedule', () => {
  interface Bench {
    readonly schedule: Schedule;
    readonly failures: Error[];
    readonly removed: string[];
    readonly warnings: string[];
    readonly out: string;
    at: number;
  }

  function bench(
    t: Parameters<typeof bank>[0],
    overrides: { keep?: object; backup?: () => Promise<never>; out?: string; longestWaitMs?: number } = {},
  ): Bench {
    const home = folder(t);
    const out = overrides.out ?? join(home, 'backups', 'deep');
    const db = bank(t, join(home, 'app.db'), 'wal', 20);
    const made: Bench = { out, at: start, failures: [], removed: [], warnings: [], schedule: undefined as never };
    const schedule = startSchedule(
      {
        directory: out,
        intervalMs: hour,
        keep: { newest: 2, daily: 0, weekly: 0, ...overrides.keep },
        verify: 'quick',
        reserveBytes: null,
      },
      {
        source: db.name,
        now: () => made.at,
        backup:
          overrides.backup ??
          ((destination, signal, onFinished) => backUp(db, destination, { signal }, { onFinished })),
        onFailure: error => made.failures.push(error),
        onRemoved: paths => made.removed.push(...paths),
        onWarning: code => made.warnings.push(code),
        longestWaitMs: overrides.longestWaitMs,
      },
    );
    t.after(() => schedule.stop());
    return Object.assign(made, { schedule });
  }

  async function settled(schedule: Schedule): Promise<void> {
    await until(() => !schedule.state().running, 'no backup runs');
  }

  test('the first one is made at once, verified, with a manifest', async t => {
    const { schedule, out, failures } = bench(t);
    await settled(schedule);
    assert.deepEqual(failures, []);
    assert.deepEqual(names(out), ['app-20261121T120000000Z.db', 'app-20261121T120000000Z.json']);
    const manifest = JSON.parse(readFileSync(join(out, 'app-20261121T120000000Z.json'), 'utf8')) as Record<
      string,
      unknown
    >;
    assert.equal(manifest['created'], '2026-11-21T12:00:00.000Z');
    assert.deepEqual(Object.keys(manifest).toSorted(), [
      'bytes',
      'created',
      'database',
      'foreignKeyViolations',
      'format',
      'mark',
      'method',
      'pages',
      'schemaVersion',
      'sha256',
      'source',
      'sqliteVersion',
      'userVersion',
      'verified',
    ]);
    const state = schedule.state();
    assert.deepEqual(
      [state.lastBackup?.at, state.lastBackup?.ageMs, state.next, state.failures],
      ['2026-11-21T12:00:00.000Z', 0, '2026-11-21T13:00:00.000Z', 0],
    );
  });

  test('a restart does not make another one too early, and old ones are removed with their manifests', async t => {
    const home = folder(t);
    const db = bank(t, join(home, 'app.db'), 'wal', 20);
    const out = join(home, 'backups');
    let at = start;
    const removed: string[] = [];
    for (const hours of [0, 0.5, 1, 2, 9]) {
      at = start + hours * hour;
      const schedule = startSchedule(
        {
          directory: out,
          intervalMs: hour,
          keep: { newest: 2, daily: 0, weekly: 0 },
          verify: 'quick',
          reserveBytes: null,
        },
        {
          source: db.name,
          now: () => at,
          backup: (destination, signal, onFinished) => backUp(db, destination, { signal }, { onFinished }),
          onFailure: error => assert.fail(error),
          onRemoved: paths => removed.push(...paths),
        },
      );
      await settled(schedule);
      await schedule.stop();
      if (hours === 0) writeFileSync(join(out, 'app-20200101T000000000Z.db'), 'of somebody who wrote no manifest');
    }
    assert.deepEqual(
      names(out).filter(name => name.endsWith('.db')),
      ['app-20200101T000000000Z.db', 'app-20261121T140000000Z.db', 'app-20261121T210000000Z.db'],
    );
    assert.deepEqual(names(out).filter(name => name.endsWith('.json')).length, 2);
    assert.equal(removed.length, 2);
  });

  test('a machine that slept, whose timers stood still, makes one backup soon after it wakes', async t => {
    const made = bench(t, { longestWaitMs: 20 });
    await until(() => made.schedule.state().lastBackup !== null, 'the first one is made');
    await settled(made.schedule);
    const stored = () => names(made.out).filter(name => name.endsWith('.db')).length;
    assert.equal(stored(), 1);
    // The timer for the next hour has hardly begun.
    made.at += 8 * hour;
    await until(() => stored() === 2, 'the missed one is made');
    await settled(made.schedule);
    assert.equal(made.schedule.state().next, new Date(made.at + hour).toISOString());
    assert.deepEqual([stored(), made.failures], [2, []]);
  });

  test('a backup that something took away is reported, and one that `keep` removes is not', async t => {
    const made = bench(t, { keep: { newest: 1 } });
    await settled(made.schedule);
    const again = async (): Promise<void> => {
      made.at += hour;
      made.schedule.begin();
      await settled(made.schedule);
    };
    await again();
    assert.deepEqual([made.removed.length, made.warnings], [1, []]);
    // As a disk that is not mounted any more.
    rmSync(made.out, { recursive: true });
    await again();
    assert.deepEqual(made.warnings, ['backups-gone']);
    assert.deepEqual([names(made.out).filter(name => name.endsWith('.db')).length, made.failures], [1, []]);
  });

  test('a database of the same name elsewhere shares the folder, and loses nothing', async t => {
    const one = bench(t, { keep: { newest: 1 } });
    await settled(one.schedule);
    await one.schedule.stop();
    const other = bench(t, { keep: { newest: 1 }, out: one.out });
    other.at = start + 1;
    await settled(other.schedule);
    assert.equal(names(one.out).filter(name => name.endsWith('.db')).length, 2);
  });

  test('a failure is reported, tried again later, and harms no old backup', async t => {
    const broken = new Error('no room');
    const { schedule, failures, out } = bench(t, { backup: () => Promise.reject(broken) });
    await settled(schedule);
    assert.deepEqual(failures, [broken]);
    const state = schedule.state();
    assert.deepEqual([state.failures, state.lastError, state.next], [1, broken, '2026-11-21T12:01:00.000Z']);
    assert.deepEqual(names(out), []);
  });

  test('a stop aborts a backup that runs, and tells no failure', async t => {
    const home = folder(t);
    const db = bank(t, join(home, 'app.db'), 'wal', 20_000);
    const out = join(home, 'backups');
    const copying = Promise.withResolvers<void>();
    const schedule = startSchedule(
      {
        directory: out,
        intervalMs: hour,
        keep: { newest: 1, daily: 0, weekly: 0 },
        verify: 'quick',
        reserveBytes: null,
      },
      {
        source: db.name,
        backup: (destination, signal) =>
          backUp(db, destination, { signal }, { onStep: step => step === 'copy' && copying.resolve() }),
        onFailure: error => assert.fail(error),
      },
    );
    await copying.promise;
    await schedule.stop();
    assert.deepEqual([schedule.state().running, schedule.state().next], [false, null]);
    // SQLite's call cannot be interrupted: what it was about to open is removed when it ends.
    await until(() => names(out).length === 0, 'the file is removed');
  });

  test('does not keep the process alive once the backup is made', async t => {
    const home = folder(t);
    bank(t, join(home, 'app.db'), 'wal', 20);
    const child = spawn(process.execPath, [
      '-e',
      `const { startSchedule } = require(${JSON.stringify(dist('backup/schedule.js'))});
       startSchedule({ directory: ${JSON.stringify(join(home, 'out'))}, intervalMs: 3600000, keep: { newest: 1, daily: 0, weekly: 0 }, verify: 'quick', reserveBytes: null },
         { source: ${JSON.stringify(join(home, 'app.db'))}, backup: () => Promise.reject(new Error('none')), onFailure: () => console.log('failed') });`,
    ]);
    let output = '';
    child.stdout.on('data', (data: Buffer) => (output += data.toString()));
    assert.deepEqual(await once(child, 'close'), [0, null]);
    assert.equal(output, 'failed\n');
  });

  test('two processes with one schedule take turns; the turn of a killed one is taken over', async t => {
    const home = folder(t);
    const first = await takeScheduleLock(home, 'app');
    assert.ok(first);
    assert.equal(await takeScheduleLock(home, 'app'), null);
    assert.ok(await takeScheduleLock(home, 'other'));
    await first();
    const child = spawn(process.execPath, [
      '-e',
      `require(${JSON.stringify(dist('backup/schedule-lock.js'))}).takeScheduleLock(${JSON.stringify(home)}, 'app').then(() => { console.log('mine'); setInterval(() => {}, 1e6); });`,
    ]);
    await once(child.stdout, 'data');
    assert.equal(await takeScheduleLock(home, 'app'), null);
    child.kill('SIGKILL');
    await once(child, 'exit');
    assert.ok(await takeScheduleLock(home, 'app'));
  });

  test('processes that start with the same schedule make one backup', async t => {
    const home = folder(t);
    bank(t, join(home, 'app.db'), 'wal', 200);
    const out = join(home, 'out');
    const program = `const { openDatabase } = require(${JSON.stringify(dist('index.js'))});
      const db = openDatabase(${JSON.stringify(join(home, 'app.db'))}, { logger: false, backup: { directory: ${JSON.stringify(out)} } });
      const look = setInterval(() => {
        const { running, next, lastError } = db.health().backups;
        if (running || next === null) return;
        clearInterval(look);
        if (lastError !== null) throw lastError;
        db.close();
      }, 5);`;
    const children = Array.from({ length: 3 }, () => spawn(process.execPath, ['-e', program]));
    t.after(() => children.forEach(child => child.kill('SIGKILL')));
    for (const child of children) child.stderr.pipe(process.stderr);
    assert.deepEqual(await Promise.all(children.map(child => once(child, 'exit'))), Array(3).fill([0, null]));
    assert.deepEqual(
      names(out).map(name => name.replace(/^app-.*Z/, '')),
      ['.db', '.json'],
    );
  });
});

describe('who may remove a temporary file', () => {
  const here = { host: 'aaaaaaaa', pid: 7, started: '5' };
  const elsewhere = { ...here, host: 'bbbbbbbb' };
  for (const [what, owner, ageMs, started, abandoned] of [
    ['of this process', here, day, '5', false],
    ['of a process that has ended', here, 0, null, true],
    ['of one whose process id another one has now', here, 0, '6', true],
    ['of another machine, just written', elsewhere, 0, '5', false],
    ['of another machine, as old as it may be', elsewhere, hour, null, false],
    ['of another machine, older', elsewhere, hour + 1, '5', true],
  ] as const) {
    test(what, () => assert.equal(isAbandoned(owner, here, ageMs, hour, () => started).abandoned, abandoned));
  }
});

describe('when not all goes well', () => {
  const options = (out: string) => ({
    directory: out,
    intervalMs: hour,
    keep: { newest: 1, daily: 0, weekly: 0 },
    verify: 'quick' as const,
    reserveBytes: null,
  });

  test('a first run that failed makes good runs no failures, and no extra ones', async t => {
    const home = folder(t);
    const db = bank(t, join(home, 'app.db'), 'wal', 20);
    const out = join(home, 'backups');
    let [at, runs] = [start, 0];
    const failures: string[] = [];
    const schedule = startSchedule(options(out), {
      source: db.name,
      now: () => at,
      backup: (destination, signal, onFinished) => {
        runs += 1;
        if (runs === 1) return Promise.reject(new Error('the disk was not mounted yet'));
        return backUp(db, destination, { signal }, { onFinished });
      },
      onFailure: (error, _next, path) => failures.push(`${path}: ${error.message}`),
    });
    t.after(() => schedule.stop());
    const settled = () => until(() => !schedule.state().running, 'no backup runs');
    await settled();
    assert.deepEqual(failures, [`${join(out, 'app-20261121T120000000Z.db')}: the disk was not mounted yet`]);
    assert.equal(schedule.state().ageMs, 0, 'an age before the first success');
    at += 60_000;
    schedule.begin();
    await settled();
    assert.deepEqual([schedule.state().failures, schedule.state().lastError, failures.length], [0, null, 1]);
    assert.equal(schedule.state().next, new Date(at + hour).toISOString());
    // Looks before the hour is over make none.
    schedule.begin();
    await settled();
    assert.equal(runs, 2);
    at += hour;
    schedule.begin();
    await settled();
    assert.deepEqual([runs, schedule.state().failures, failures.length], [3, 0, 1]);
  });

  const cannotMount = process.platform !== 'linux' || process.getuid?.() !== 0 ? 'mounting needs root on Linux' : false;
  test(
    'an old backup that cannot be removed is reported once, and the new ones are good',
    { skip: cannotMount },
    async t => {
      const home = folder(t);
      const db = bank(t, join(home, 'app.db'), 'wal', 20);
      const out = join(home, 'backups');
      let at = start;
      const told: string[] = [];
      const schedule = startSchedule(options(out), {
        source: db.name,
        now: () => at,
        backup: (destination, signal, onFinished) => backUp(db, destination, { signal }, { onFinished }),
        onFailure: error => assert.fail(error),
        onWarning: (code, message) => told.push(`${code}: ${message}`),
      });
      t.after(() => schedule.stop());
      await until(() => !schedule.state().running, 'no backup runs');
      const [first = ''] = names(out).filter(name => name.endsWith('.db'));
      // The kernel removes no file that something is mounted on.
      execFileSync('mount', ['--bind', join(out, first), join(out, first)]);
      using _unmounted = { [Symbol.dispose]: () => void execFileSync('umount', [join(out, first)]) };
      for (let run = 0; run < 2; run += 1) {
        at += hour;
        schedule.begin();
        await until(() => !schedule.state().running, 'no backup runs');
        const { failures, lastError, lastBackup } = schedule.state();
        assert.deepEqual([failures, lastError, lastBackup?.ageMs], [0, null, 0]);
      }
      assert.equal(told.length, 1);
      assert.match(told[0] ?? '', /^old-backup-stays: .*EBUSY/);
      // What can be removed is: of the three, the first and the newest are left.
      assert.equal(names(out).filter(name => name.endsWith('.db')).length, 2);
    },
  );

  test('what another process made while this one waited for its turn is not made again', async t => {
    const home = folder(t);
    const db = bank(t, join(home, 'app.db'), 'wal', 20);
    const out = join(home, 'backups');
    const make = (lockDirectory?: () => Promise<string>): Schedule => {
      const schedule = startSchedule(options(out), {
        source: db.name,
        now: () => start,
        backup: (destination, signal, onFinished) => backUp(db, destination, { signal }, { onFinished }),
        onFailure: error => assert.fail(error),
        ...(lockDirectory === undefined ? {} : { lockDirectory }),
      });
      t.after(() => schedule.stop());
      return schedule;
    };
    // Asked for between the look that found none and the turn.
    const slow = make(async () => {
      const fast = make();
      await until(() => !fast.state().running, 'no backup runs');
      return out;
    });
    await until(() => !slow.state().running, 'no backup runs');
    assert.equal(names(out).filter(name => name.endsWith('.db')).length, 1);
    assert.equal(slow.state().lastBackup?.ageMs, 0);
  });

  test('a backup that fails behind its manifest leaves none; one that lost bytes does not count', async t => {
    const home = folder(t);
    const db = bank(t, join(home, 'app.db'), 'wal', 20);
    const out = join(home, 'backups');
    let [at, fails] = [start, true];
    const told: string[] = [];
    const schedule = startSchedule(options(out), {
      source: db.name,
      now: () => at,
      backup: async (destination, signal, onFinished) => {
        const result = await backUp(db, destination, { signal }, { onFinished });
        if (!fails) return result;
        rmSync(destination);
        throw new Error('the disk failed at the last step');
      },
      onFailure: () => {},
      onWarning: code => told.push(code),
    });
    t.after(() => schedule.stop());
    const settled = () => until(() => !schedule.state().running, 'no backup runs');
    await settled();
    assert.deepEqual(names(out), []);
    fails = false;
    at += 60_000;
    schedule.begin();
    await settled();
    const first = schedule.state().lastBackup?.path ?? '';
    truncateSync(first, statSync(first).size - 512);
    at += 1000;
    schedule.begin();
    await settled();
    assert.deepEqual(told, ['changed-backups']);
    assert.notEqual(schedule.state().lastBackup?.path, first);
    assert.ok(names(out).includes(basename(first)), 'and stays');
  });

  test('a stop while the next one waits for its time leaves the folder as it is', async t => {
    const home = folder(t);
    const db = bank(t, join(home, 'app.db'), 'wal', 20);
    const out = join(home, 'backups');
    let [at, runs] = [start, 0];
    const schedule = startSchedule(
      { ...options(out), intervalMs: 1000 },
      {
        source: db.name,
        now: () => at,
        backup: (destination, signal, onFinished) => {
          runs += 1;
          return backUp(db, destination, { signal }, { onFinished });
        },
        onFailure: error => assert.fail(error),
      },
    );
    await until(() => !schedule.state().running, 'no backup runs');
    await schedule.stop();
    at += hour;
    // Longer than its timer was set for.
    await delay(1500);
    assert.deepEqual([runs, schedule.state().running], [1, false]);
  });

  test('a manifest that another program has written stays, and the backup takes another name', async t => {
    const home = folder(t);
    const db = bank(t, join(home, 'app.db'), 'wal', 20);
    const out = join(home, 'backups');
    let taken = '';
    const schedule = startSchedule(options(out), {
      source: db.name,
      now: () => start,
      backup: (destination, signal, onFinished) =>
        backUp(
          db,
          destination,
          { signal },
          {
            onFinished: async result => {
              // Another database of the same name was faster by a moment.
              if (taken === '') {
                taken = destination.replace(/\.db$/, '.json');
                writeFileSync(taken, 'of another database');
              }
              await onFinished(result);
            },
          },
        ),
      onFailure: error => assert.fail(error),
    });
    t.after(() => schedule.stop());
    await until(() => !schedule.state().running, 'no backup runs');
    assert.equal(readFileSync(taken, 'utf8'), 'of another database');
    assert.match(schedule.state().lastBackup?.path ?? '', /Z-[0-9a-f]{8}\.db$/);
    assert.equal(names(out).filter(name => name.endsWith('.db')).length, 1);
  });
});

test('names are those of the database, whatever stands in them', async t => {
  const home = folder(t);
  for (const source of ['/x/app.db', '/x/app', '/x/my.app-20200101T000000000Z.sqlite', '/x/ä b.db']) {
    const path = backupPath(home, source, start);
    writeFileSync(path, '');
    const found = await listBackups(home, { source, id: null });
    assert.deepEqual(
      found.map(each => each.path),
      [path],
      source,
    );
    assert.equal(found[0]?.moment, start);
  }
});
