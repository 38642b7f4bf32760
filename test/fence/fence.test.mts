/** A fault of the storage: what raw better-sqlite3 makes of it, and how this library leaves the files alone. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import {
  copyFileSync,
  existsSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import Native from 'better-sqlite3';
import { restoreDatabase, type DatabaseHealth } from 'safe-sqlite';
import type { PlainError } from '../support/fault-scenario.mts';
import {
  createFaultBench,
  faultsSkip,
  type FaultBench,
  type FaultRule,
  type Scenario,
} from '../support/fault-shim.mts';
import { until } from '../support/until.mts';

const program = join(import.meta.dirname, '../checkpoint/checkpoint.scenario.mts');
const workerProgram = join(import.meta.dirname, 'fence-worker.scenario.mts');
const skip = faultsSkip();

const walSync: FaultRule = { calls: ['fsync', 'fdatasync'], path: '*/app.db-wal', action: { fail: 'EIO' } };
const everySync: FaultRule = { ...walSync, path: '*/app.db*', count: 'all' };

interface Event {
  readonly event: string;
  readonly as: string;
  readonly code?: string;
  readonly error?: PlainError;
}

/** A table with one row, in a WAL that was never checkpointed. */
async function started(bench: FaultBench, subject: 'raw' | 'open', options: object = {}): Promise<Scenario> {
  const child = bench.start(program);
  await child.ask(subject, { options: { checkpoint: 'off', ...options } });
  await child.ask('exec', { sql: 'CREATE TABLE IF NOT EXISTS t(id INTEGER PRIMARY KEY, body)' });
  await child.ask('insert', { id: 1 });
  return child;
}

const path = (bench: FaultBench, suffix = ''): string => join(bench.folder, `app.db${suffix}`);

/** What the WAL and its index are, byte for byte. */
function sidecars(bench: FaultBench): string[] {
  return ['-wal', '-shm'].map(suffix => {
    const file = path(bench, suffix);
    return existsSync(file) ? createHash('sha256').update(readFileSync(file)).digest('hex') : 'gone';
  });
}

/** How often the process has the file open. */
function descriptors(child: Scenario, file: string): number {
  const folder = `/proc/${child.process.pid}/fd`;
  return readdirSync(folder).filter(name => readlinkSync(join(folder, name)) === file).length;
}

async function events(child: Scenario, name: string): Promise<Event[]> {
  return (await child.ask<Event[]>('events')).filter(({ event }) => event === name);
}

/** The ids in a copy of the files, as the next process finds them. */
function survivors(bench: FaultBench): unknown[] {
  for (const suffix of ['', '-wal']) {
    if (existsSync(path(bench, suffix))) copyFileSync(path(bench, suffix), join(bench.folder, `copy.db${suffix}`));
  }
  const db = new Native(join(bench.folder, 'copy.db'));
  try {
    assert.deepEqual(db.pragma('integrity_check', { simple: true }), 'ok');
    return db.prepare('SELECT id FROM t ORDER BY id').pluck().all();
  } finally {
    db.close();
    rmSync(join(bench.folder, 'copy.db'));
  }
}

const fenced = { code: 'SAFE_SQLITE_FENCED' } as const;

describe('COMMIT whose sync fails', { skip }, () => {
  test('raw better-sqlite3 goes on, and copies at close what the disk may not hold', async () => {
    using bench = createFaultBench();
    const child = await started(bench, 'raw');
    bench.faults.arm(walSync);
    await assert.rejects(child.ask('insert', { id: 2 }), { code: 'SQLITE_IOERR_FSYNC' });
    await child.ask('insert', { id: 3 });
    await child.ask('close', {});
    assert.deepEqual(sidecars(bench), ['gone', 'gone']);
  });

  test('fences the file: every later call throws, with the first fault as its cause', async () => {
    using bench = createFaultBench();
    const child = await started(bench, 'open');
    await child.ask('open', { as: 'other', options: { checkpoint: 'off' } });
    await child.ask('iterate', { as: 'other' });
    bench.faults.arm(walSync);
    await assert.rejects(child.ask('insert', { id: 2 }), (error: PlainError) => {
      assert.equal(error.code, 'SQLITE_IOERR_FSYNC');
      assert.equal(error.commitOutcome, 'unknown');
      assert.equal(error.fatal, true);
      return true;
    });
    const left = sidecars(bench);
    for (const [handler, argument] of [
      ['insert', { id: 3 }],
      ['ids', {}],
      ['exec', { sql: 'SELECT 1' }],
      ['checkpoint', {}],
      ['transaction', { ids: [4] }],
      ['ids', { as: 'other' }],
      ['next', { as: 'other' }],
      ['open', { as: 'third' }],
    ] as const) {
      await assert.rejects(child.ask(handler, argument), (error: PlainError) => {
        assert.equal(error.code, fenced.code, handler);
        assert.equal(error.cause?.code, 'SQLITE_IOERR_FSYNC', handler);
        return true;
      });
    }
    assert.deepEqual(
      (await events(child, 'fenced')).map(({ as, error }) => [as, error?.code]),
      [
        ['db', 'SQLITE_IOERR_FSYNC'],
        ['other', 'SQLITE_IOERR_FSYNC'],
      ],
    );
    assert.equal(await child.ask('isOpen', {}), true);
    await child.ask('close', {});
    await child.ask('close', { as: 'other' });
    assert.deepEqual(sidecars(bench), left);
    assert.equal(existsSync(path(bench, '-fenced')), true);
  });

  test('the sentinel of a reader does not call the locks lost that went with its fenced connection', async () => {
    using bench = createFaultBench();
    const child = await started(bench, 'open');
    const intervalMs = 20;
    const reader = bench.start(program);
    await reader.ask('open', { options: { readonly: true, sentinel: { intervalMs } } });
    await reader.ask('ids', {});
    bench.faults.arm(walSync);
    await assert.rejects(child.ask('insert', { id: 2 }), { code: 'SQLITE_IOERR_FSYNC' });
    const told: string[] = [];
    while (!told.includes('fenced')) {
      told.push(...(await reader.ask<Event[]>('events')).map(({ event }) => event));
      await delay(intervalMs);
    }
    // Time for many checks.
    await delay(20 * intervalMs);
    told.push(...(await reader.ask<Event[]>('events')).map(({ event }) => event));
    assert.deepEqual(
      told.filter(event => event === 'fenced' || event === 'locksLost'),
      ['fenced'],
    );
  });

  test('leaves -wal and -shm byte for byte when the process falls off its event loop; raw does not', async () => {
    for (const [subject, expected] of [
      ['raw', ['gone', 'gone']],
      ['open', null],
    ] as const) {
      using bench = createFaultBench();
      const child = await started(bench, subject);
      bench.faults.arm(walSync);
      await assert.rejects(child.ask('insert', { id: 2 }), { code: 'SQLITE_IOERR_FSYNC' });
      const left = sidecars(bench);
      await child.ask('fallOff');
      assert.deepEqual(await child.ended, { code: 0, signal: null }, child.stderr());
      assert.deepEqual(sidecars(bench), expected ?? left, subject);
    }
  });

  test('leaves them when a worker is terminated; raw does not', async () => {
    for (const subject of ['raw', 'ours'] as const) {
      using bench = createFaultBench();
      const child = bench.start(workerProgram);
      await child.ask('start', subject);
      bench.faults.arm(walSync);
      assert.equal(await child.ask('insert'), 'SQLITE_IOERR_FSYNC');
      const left = sidecars(bench);
      await child.ask('terminate');
      assert.deepEqual(sidecars(bench), subject === 'raw' ? ['gone', 'gone'] : left, subject);
    }
  });

  test('reaches the other threads also where the disk takes no marker, and outlives the thread that met it', async () => {
    using bench = createFaultBench();
    const child = bench.start(workerProgram);
    await child.ask('start', 'ours');
    await child.ask('openHere');
    await child.ask('insertHere');
    bench.faults.arm(walSync, { calls: 'open', path: '*-fenced', count: 'all', action: { fail: 'ENOSPC' } });
    assert.equal(await child.ask('insert'), 'SQLITE_IOERR_FSYNC');
    assert.equal(existsSync(path(bench, '-fenced')), false);
    await child.ask('terminate');
    // The surviving thread polls for faults of the others four times a second.
    const refused = () =>
      assert.rejects(child.ask('insertHere'), fenced).then(
        () => true,
        () => false,
      );
    await until(refused, 'the surviving thread refuses writes');
    await assert.rejects(child.ask('openHere'), fenced);
  });

  test('a transaction of several statements and db.write say what became of them', async () => {
    using bench = createFaultBench();
    const child = await started(bench, 'open');
    bench.faults.arm(walSync);
    await assert.rejects(child.ask('transaction', { ids: [2, 3] }), {
      code: 'SQLITE_IOERR_FSYNC',
      commitOutcome: 'unknown',
    });

    using second = createFaultBench();
    const writer = await started(second, 'open');
    second.faults.arm(walSync);
    const ends = await writer.ask<PlainError[]>('write', { ids: [2, 3] });
    assert.deepEqual(
      ends.map(({ code, commitOutcome }) => [code, commitOutcome]),
      [
        ['SQLITE_IOERR_FSYNC', 'unknown'],
        ['SQLITE_IOERR_FSYNC', 'unknown'],
      ],
    );
    const [later] = await writer.ask<PlainError[]>('write', { ids: [4] });
    assert.equal(later?.code, fenced.code);
  });

  test('inside a function that SQL of another connection calls: let go once that statement has ended', async () => {
    using bench = createFaultBench();
    const child = await started(bench, 'open');
    await child.ask('open', { as: 'outer', options: { checkpoint: 'off' } });
    bench.faults.arm(walSync);
    await assert.rejects(child.ask('insertFromSql', { outer: 'outer', as: 'db', id: 2 }), {
      code: 'SQLITE_IOERR_FSYNC',
    });
    const left = sidecars(bench);
    await assert.rejects(child.ask('ids', { as: 'outer' }), fenced);
    await child.ask('fallOff');
    await child.ended;
    assert.deepEqual(sidecars(bench), left);
  });

  test('the shared instance is withdrawn: no caller gets the fenced connection', async () => {
    using bench = createFaultBench();
    const child = bench.start(program);
    await child.ask('open', { shared: true });
    await child.ask('exec', { sql: 'CREATE TABLE t(id INTEGER PRIMARY KEY, body)' });
    bench.faults.arm(walSync);
    await assert.rejects(child.ask('insert', { id: 1 }), { code: 'SQLITE_IOERR_FSYNC' });
    await assert.rejects(child.ask('open', { as: 'again', shared: true }), fenced);
  });

  test('with a rollback journal it is rolled back, and fenced as well', async () => {
    using bench = createFaultBench();
    const child = await started(bench, 'open', { journalMode: 'rollback' });
    bench.faults.arm({ ...walSync, path: '*/app.db-journal' });
    await assert.rejects(child.ask('insert', { id: 2 }), { code: 'SQLITE_IOERR_FSYNC', commitOutcome: 'rolled-back' });
    await assert.rejects(child.ask('ids', {}), fenced);
    await child.ask('close', {});
    assert.deepEqual(survivors(bench), [1]);
  });
});

describe('a statement that runs when its file is fenced', { skip }, () => {
  test('ends, and its connection lets go of the file while the process goes on', async () => {
    using bench = createFaultBench();
    const child = bench.start(program);
    const options = { journalMode: 'rollback' };
    await child.ask('open', { options });
    await child.ask('exec', { sql: 'CREATE TABLE t(id INTEGER PRIMARY KEY, body)' });
    await child.ask('open', { as: 'outer', options });
    assert.equal(descriptors(child, path(bench)), 2);
    bench.faults.arm({ ...walSync, path: '*/app.db-journal' });
    await assert.rejects(child.ask('insertFromSql', { outer: 'outer', as: 'db', id: 2 }), {
      code: 'SQLITE_IOERR_FSYNC',
    });
    await assert.rejects(child.ask('ids', { as: 'outer' }), fenced);
    assert.equal(descriptors(child, path(bench)), 0);
  });
});

describe('the fence of a file', { skip }, () => {
  async function fencedBench(bench: FaultBench): Promise<Scenario> {
    const child = await started(bench, 'open');
    bench.faults.arm(walSync);
    await assert.rejects(child.ask('insert', { id: 2 }), { code: 'SQLITE_IOERR_FSYNC' });
    bench.faults.heal();
    return child;
  }

  test('keeps other processes from opening it for writing, and warns those that only read', async () => {
    using bench = createFaultBench();
    await fencedBench(bench);
    const other = bench.start(program);
    await assert.rejects(other.ask('open', {}), (error: PlainError) => {
      assert.equal(error.code, fenced.code);
      assert.equal(error.cause?.code, 'SQLITE_IOERR_FSYNC');
      assert.match(error.message, /has been fenced since \d{4}-/);
      return true;
    });
    await other.ask('open', { options: { readonly: true } });
    assert.deepEqual(await other.ask('ids', {}), [1]);
    assert.deepEqual(
      (await events(other, 'warning')).map(({ code }) => code).filter(code => code === 'fenced'),
      ['fenced'],
    );
  });

  test('reaches a process that has it open already: it neither writes nor checkpoints any more', async () => {
    using bench = createFaultBench();
    const first = await started(bench, 'open');
    const second = bench.start(program);
    await second.ask('open', {});
    assert.deepEqual(await second.ask('ids', {}), [1]);
    bench.faults.arm(walSync);
    await assert.rejects(first.ask('insert', { id: 2 }), { code: 'SQLITE_IOERR_FSYNC' });
    bench.faults.heal();
    const left = sidecars(bench);
    // Its next look at the file is due in 250 ms.
    await until(async () => (await events(second, 'fenced')).length > 0, 'it is fenced');
    await assert.rejects(second.ask('insert', { id: 3 }), fenced);
    await first.ask('close', {});
    await second.ask('close', {});
    assert.deepEqual(sidecars(bench), left);
  });

  test('is seen by close() before the last checkpoint', async () => {
    using bench = createFaultBench();
    const child = await started(bench, 'open');
    const [wal] = sidecars(bench);
    // As another process does: no turn of the event loop lies between this and the close.
    await child.ask('markAndClose');
    // In the -shm the mark of a reader may have moved.
    assert.equal(sidecars(bench)[0], wal);
    assert.deepEqual(survivors(bench), [1]);
  });

  test('falls on every file of a connection: the code does not name the one whose sync failed', async () => {
    using bench = createFaultBench();
    const child = await started(bench, 'open');
    const other = path(bench, '-other');
    await child.ask('exec', { sql: `ATTACH '${other}' AS other; CREATE TABLE other.t(id INTEGER PRIMARY KEY)` });
    bench.faults.arm({ ...walSync, path: '*/app.db-wal' });
    await assert.rejects(child.ask('insert', { id: 2 }), { code: 'SQLITE_IOERR_FSYNC' });
    assert.deepEqual(
      [path(bench), other].map(file => existsSync(`${file}-fenced`)),
      [true, true],
    );
  });

  test('is cleared by a check, when no process has the file open', async () => {
    using bench = createFaultBench();
    const child = await fencedBench(bench);
    const operator = bench.start(program);
    await assert.rejects(operator.ask('clearFence', {}), (error: PlainError) => {
      assert.match(error.message, new RegExp(`process ${child.process.pid} has the database open`));
      return true;
    });
    child.kill();
    await child.ended;
    const cleared = await operator.ask<{ fence: { code: string }; verified: string; sameBoot: boolean | null }>(
      'clearFence',
      {},
    );
    assert.equal(cleared.fence.code, 'SQLITE_IOERR_FSYNC');
    assert.equal(cleared.verified, 'full');
    assert.notEqual(cleared.sameBoot, false);
    assert.equal(existsSync(path(bench, '-fenced')), false);
    await operator.ask('open', {});
    // The transaction whose outcome was unknown: its frames were in the WAL after all.
    assert.deepEqual(await operator.ask('ids', {}), [1, 2]);
  });

  test('stays when the check finds damage', async () => {
    using bench = createFaultBench();
    const child = await fencedBench(bench);
    child.kill();
    await child.ended;
    rmSync(path(bench, '-wal'));
    writeFileSync(path(bench), Buffer.alloc(statSync(path(bench)).size, 7));
    const operator = bench.start(program);
    await assert.rejects(operator.ask('clearFence', {}), fenced);
    assert.equal(existsSync(path(bench, '-fenced')), true);
  });

  test('goes with the old files when the database is restored', async () => {
    using bench = createFaultBench();
    const child = await fencedBench(bench);
    const backup = join(bench.folder, 'backup.db');
    const source = new Native(backup);
    source.exec('CREATE TABLE t(id INTEGER PRIMARY KEY, body); INSERT INTO t(id) VALUES (7)');
    source.close();
    child.kill();
    await child.ended;
    const wal = statSync(path(bench, '-wal')).size;
    const { kept } = await restoreDatabase({ from: backup, to: path(bench) });
    assert.equal(existsSync(path(bench, '-fenced')), false);
    const old = kept.find(each => !each.endsWith('-wal') && !each.endsWith('-shm'));
    assert.equal(existsSync(`${old}-fenced`), true);
    // It was not checkpointed on its way.
    assert.equal(statSync(`${old}-wal`).size, wal);
    const restored = bench.start(program);
    await restored.ask('open', {});
    assert.deepEqual(await restored.ask('ids', {}), [7]);
  });

  test('holds in the process when its marker cannot be written, and the first fault is not hidden', async () => {
    using bench = createFaultBench();
    const child = await started(bench, 'open');
    bench.faults.arm(walSync, { calls: 'open', path: '*-fenced', count: 'all', action: { fail: 'EIO' } });
    await assert.rejects(child.ask('insert', { id: 2 }), { code: 'SQLITE_IOERR_FSYNC' });
    const seen = await child.ask<Event[]>('events');
    assert.ok(seen.some(({ code }) => code === 'fence-marker-not-written'));
    await assert.rejects(child.ask('ids', {}), fenced);
    await assert.rejects(child.ask('open', { as: 'again' }), fenced);
  });
});

describe('what is no fence', { skip }, () => {
  const allWrites = (fail: 'ENOSPC' | 'EDQUOT' | 'EROFS' | 'EIO', where: string): FaultRule => ({
    calls: 'write',
    path: where,
    count: 'all',
    action: { fail },
  });

  for (const [what, fault, code, hint] of [
    ['a full disk', 'ENOSPC', 'SQLITE_FULL', /free space/i],
    ['a quota that is used up', 'EDQUOT', 'SQLITE_IOERR_WRITE', /quota/],
    ['a filesystem that turned read-only', 'EROFS', 'SQLITE_IOERR_WRITE', /read-only/],
  ] as const) {
    test(`${what}: typed, rolled back, and writable again afterwards`, async () => {
      using bench = createFaultBench();
      const child = await started(bench, 'open');
      bench.faults.arm(allWrites(fault, `${bench.folder}/app.db*`));
      await assert.rejects(child.ask('insert', { id: 2 }), (error: PlainError) => {
        assert.equal(error.code, code);
        assert.match(error.hint ?? '', hint);
        assert.equal(error.fatal, false);
        return true;
      });
      assert.deepEqual(await child.ask('ids', {}), [1]);
      const { reasons } = await child.ask<DatabaseHealth>('health');
      assert.equal(
        reasons.some(reason => reason.includes('for lack of space')),
        fault !== 'EROFS',
      );
      bench.faults.heal();
      await child.ask('insert', { id: 3 });
      await child.ask('close', {});
      assert.deepEqual(survivors(bench), [1, 3]);
      assert.equal(existsSync(path(bench, '-fenced')), false);
    });
  }

  test('a write that the medium refuses is a fence', async () => {
    using bench = createFaultBench();
    const child = await started(bench, 'open');
    bench.faults.arm(allWrites('EIO', '*/app.db-wal'));
    await assert.rejects(child.ask('insert', { id: 2 }), { code: 'SQLITE_IOERR_WRITE' });
    await assert.rejects(child.ask('ids', {}), fenced);
  });

  test('a page that cannot be read: the statement fails, the others go on', async () => {
    using bench = createFaultBench();
    const child = await started(bench, 'open');
    await child.ask('close', {});
    const again = bench.start(program);
    await again.ask('open', {});
    bench.faults.arm({ calls: 'read', path: '*/app.db', count: 'all', action: { fail: 'EIO' } });
    await assert.rejects(again.ask('ids', {}), {
      // The same fault has two names, depending on where SQLite meets it.
      code: /^SQLITE_(CORRUPT|IOERR_CORRUPTFS)$/,
    });
    bench.faults.heal();
    assert.deepEqual(await again.ask('ids', {}), [1]);
  });

  test('VACUUM INTO whose copy cannot be synced', async () => {
    using bench = createFaultBench();
    const child = await started(bench, 'open');
    bench.faults.arm({ ...everySync, path: '*/copy.db' });
    await assert.rejects(child.ask('exec', { sql: `VACUUM INTO '${join(bench.folder, 'copy.db')}'` }), {
      code: 'SQLITE_IOERR_FSYNC',
    });
    assert.deepEqual(await child.ask('ids', {}), [1]);
  });
});
