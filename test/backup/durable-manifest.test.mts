// The small files of a schedule: synced before they have a name, the name synced behind it, and a lock that is one.
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { takeScheduleLock } from '../../dist/backup/schedule-lock.js';
import { createFaultBench, faultsSkip, type FaultBench } from '../support/fault-shim.mts';
import { closedBank, names } from './fixture.mts';

const program = join(import.meta.dirname, 'durable-manifest.scenario.mts');

describe('a small file', { skip: faultsSkip() }, () => {
  for (const [handler, name] of [
    ['manifest', 'app.json'],
    ['establish', 'app.db-backup-id'],
  ] as const) {
    test(`${name} is synced before it has its name, and its folder behind it`, async t => {
      using bench = createFaultBench({ log: true });
      const out = join(bench.folder, 'out');
      mkdirSync(out);
      closedBank(t, join(out, 'app.db'), 'delete', 1);
      bench.faults.arm({ calls: ['write', 'fsync', 'link', 'rename', 'dirsync'], path: `${out}*`, action: 'count' });
      await bench.start(program).ask(handler, join(out, handler === 'establish' ? 'app.db' : name));
      const log = bench.log();
      const last = (call: string, end: string): number =>
        log.findLastIndex(each => each.call === call && each.path.endsWith(end));
      const order = [last('write', '.tmp'), last('fsync', '.tmp'), last('link', name), last('dirsync', '/out')];
      assert.ok(order[0]! >= 0, JSON.stringify(log));
      assert.deepEqual(
        order,
        order.toSorted((one, other) => one - other),
        JSON.stringify(order),
      );
      assert.equal(new Set(order).size, 4);
    });
  }

  test('a manifest whose file or folder cannot be synced leaves nothing', async () => {
    using bench = createFaultBench();
    const out = join(bench.folder, 'out');
    mkdirSync(out);
    const child = bench.start(program);
    for (const [calls, path] of [
      ['fsync', `${out}/*`],
      ['dirsync', out],
    ] as const) {
      bench.faults.arm({ calls, path, count: 'all', action: { fail: 'EIO' } });
      await assert.rejects(child.ask('manifest', join(out, 'app.json')), /EIO/);
      assert.ok((bench.faults.counters()[0]?.hits ?? 0) > 0);
      bench.faults.heal();
      assert.deepEqual(names(out), []);
    }
    writeFileSync(join(out, 'app.json'), 'of somebody');
    await assert.rejects(child.ask('manifest', join(out, 'app.json')), /EEXIST/);
    assert.equal(readFileSync(join(out, 'app.json'), 'utf8'), 'of somebody');
    await child.ask('manifest', join(out, 'other.json'));
    assert.deepEqual(names(out), ['app.json', 'other.json']);
  });
});

/** A process that has opened the lock file and stands still before it locks it; then the owner ends, and the name goes. */
async function waitForNamelessLock(bench: FaultBench, out: string): Promise<{ readonly locked: Promise<boolean> }> {
  mkdirSync(out);
  const release = await takeScheduleLock(out, 'app');
  assert.ok(release);
  bench.faults.arm({ calls: 'lock', path: `${out}/.app.backup-lock`, action: 'hold' });
  const locked = bench.start(program).ask<boolean>('lock', out);
  await bench.hit();
  await release();
  assert.deepEqual(names(out), []);
  return { locked };
}

test('a lock on a file that lost its name meanwhile is no lock', { skip: faultsSkip() }, async () => {
  using bench = createFaultBench();
  const out = join(bench.folder, 'out');
  const { locked } = await waitForNamelessLock(bench, out);
  bench.faults.heal();
  assert.equal(await locked, true);
  assert.ok(names(out).includes('.app.backup-lock'), 'it made a new one');
  assert.equal(await takeScheduleLock(out, 'app'), null);
});

test('a lock on a file that lost its name to that of another owner is no lock', { skip: faultsSkip() }, async () => {
  using bench = createFaultBench();
  const out = join(bench.folder, 'out');
  const { locked } = await waitForNamelessLock(bench, out);
  const next = await takeScheduleLock(out, 'app');
  assert.ok(next);
  bench.faults.heal();
  assert.equal(await locked, false, 'two have the lock');
  await next();
});

test('a manifest that another program makes at the last moment is not replaced', { skip: faultsSkip() }, async () => {
  using bench = createFaultBench();
  const out = join(bench.folder, 'out');
  mkdirSync(out);
  const path = join(out, 'app.json');
  bench.faults.arm({ calls: ['link', 'rename'], path: `${out}/*`, action: 'hold' });
  const writing = bench.start(program).ask('manifest', path);
  const written = assert.rejects(writing, /EEXIST/);
  await bench.hit();
  writeFileSync(path, 'of somebody');
  bench.faults.heal();
  await written;
  assert.equal(readFileSync(path, 'utf8'), 'of somebody');
  assert.deepEqual(names(out), ['app.json']);
});
