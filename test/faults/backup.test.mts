// Every file call of a backup in its destination folder fails once, and kills once: never a false success, never a
// damaged old copy. The number of calls is counted first, so no call is left out.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import type { BackupOptions } from '../../dist/backup/options.js';
import {
  createFaultBench,
  faultsSkip,
  ScenarioEndedError,
  type Call,
  type FaultBench,
} from '../support/fault-shim.mts';
import { assertBank, backUp, bank, folder, names, type Native } from '../backup/fixture.mts';

const program = join(import.meta.dirname, '..', 'backup', 'backup.scenario.mts');
const calls: Call[] = ['open', 'read', 'write', 'truncate', 'fsync', 'dirsync', 'rename', 'link', 'unlink', 'close'];
const accounts = 30;

/** A bench with a bank beside an `out` folder; `old` is a backup that stands there already, with no transfer in it. */
function prepare(t: Parameters<typeof bank>[0], bench: FaultBench) {
  const file = join(bench.folder, 'a.db');
  const out = join(bench.folder, 'out');
  mkdirSync(out);
  const db = bank(t, file, 'wal', accounts);
  const destination = join(out, 'copy.db');
  const step = () =>
    db.exec('INSERT INTO transfer (source, target) VALUES (1, 2); UPDATE total SET transfers = transfers + 1');
  return { db, file, out, destination, step };
}

for (const method of ['vacuum-into', 'online'] as const) {
  for (const overwrite of [true, false]) {
    describe(`${method}, ${overwrite ? 'over an old backup' : 'to a new name'}`, { skip: faultsSkip() }, () => {
      const options: BackupOptions = { method, overwrite };

      test('fails at every call', async t => {
        using bench = createFaultBench();
        const { db, file, out, destination, step } = prepare(t, bench);
        if (overwrite) await backUp(db, destination);
        const child = bench.start(program);
        await child.ask('open', file);
        let failures = 0;
        for (const call of calls) {
          for (const errno of call === 'write' ? (['ENOSPC', 'EIO'] as const) : (['EIO'] as const)) {
            for (let nth = 1, hit = true; hit; nth++) {
              if (!overwrite) rmSync(destination, { force: true });
              const before = overwrite ? readFileSync(destination) : null;
              step();
              bench.faults.arm({ calls: call, path: `${out}*`, nth, action: { fail: errno } });
              const outcome = await child.ask<{ pages: number }>('backup', { to: destination, options }).then(
                result => ({ result }),
                (error: Error & { code: string }) => ({ error }),
              );
              hit = bench.faults.counters()[0]?.hits === 1;
              bench.faults.heal();
              const what = `${call} number ${nth} with ${errno}`;
              if ('error' in outcome) {
                failures += 1;
                assert.equal(outcome.error.code, 'SAFE_SQLITE_BACKUP_FAILED', what);
                assert.deepEqual(existsSync(destination) ? readFileSync(destination) : null, before, what);
              } else assert.equal(assertBank(destination, accounts), transfers(db), what);
              const left = names(out).filter(name => name !== 'copy.db');
              if (call !== 'unlink') assert.deepEqual(left, [], what);
              for (const name of left) rmSync(join(out, name), { recursive: true });
            }
          }
        }
        assert.ok(failures > 20, `only ${failures} calls failed the backup`);
        t.diagnostic(`${failures} failed calls, each a typed failure`);
      });

      test('killed at every call', async t => {
        using bench = createFaultBench();
        const { db, file, out, destination, step } = prepare(t, bench);
        let kills = 0;
        for (const call of ['write', 'fsync', 'dirsync', 'rename', 'link', 'unlink'] satisfies Call[]) {
          for (let nth = 1, killed = true; killed; nth++) {
            rmSync(destination, { force: true });
            if (overwrite) await backUp(db, destination);
            const old = overwrite ? assertBank(destination, accounts) : null;
            step();
            const child = bench.start(program);
            await child.ask('open', file);
            bench.faults.arm({ calls: call, path: `${out}*`, nth, action: 'kill' });
            killed = await child.ask('backup', { to: destination, options }).then(
              () => false,
              (error: unknown) => {
                if (!(error instanceof ScenarioEndedError)) throw error;
                return true;
              },
            );
            child.kill();
            await child.ended;
            bench.faults.heal();
            if (killed) kills += 1;
            const what = `killed before ${call} number ${nth}`;
            const found = existsSync(destination) ? assertBank(destination, accounts) : null;
            assert.ok(found === old || found === transfers(db), `${what}: ${found}`);
            // The next backup to the folder removes what the killed one left.
            await backUp(db, destination, { overwrite: true });
            assert.deepEqual(names(out), ['copy.db'], what);
          }
        }
        assert.ok(kills > 5, `only ${kills} calls killed the backup`);
        t.diagnostic(`killed at ${kills} calls`);
      });
    });
  }
}

describe('a filesystem without hard links', { skip: faultsSkip() }, () => {
  test('a backup is put there, and replaced, all the same', async t => {
    using bench = createFaultBench();
    const { db, file, out, destination, step } = prepare(t, bench);
    const child = bench.start(program);
    await child.ask('open', file);
    // link(2): "EPERM The filesystem containing oldpath and newpath does not support the creation of hard links."
    bench.faults.arm({ calls: 'link', path: '*', count: 'all', action: { fail: 'EPERM' } });
    for (const overwrite of [false, true]) {
      step();
      await child.ask('backup', { to: destination, options: { overwrite } });
      assert.equal(assertBank(destination, accounts), transfers(db));
      assert.deepEqual(names(out), ['copy.db']);
    }
    assert.equal(bench.faults.counters()[0]?.hits, 2);
    await assert.rejects(child.ask('backup', { to: destination, options: { overwrite: false } }), {
      code: 'SAFE_SQLITE_BACKUP_FAILED',
    });
  });
});

describe('a filesystem without hard links, at the last step', { skip: faultsSkip() }, () => {
  test('a file that another program made meanwhile is not replaced', async t => {
    using bench = createFaultBench();
    const { file, out, destination } = prepare(t, bench);
    const child = bench.start(program);
    await child.ask('open', file);
    bench.faults.arm({ calls: 'fsync', path: `${out}/*copy.tmp`, action: 'hold' });
    const backup = child.ask('backup', { to: destination, options: {} });
    const outcome = assert.rejects(backup, { code: 'SAFE_SQLITE_BACKUP_FAILED', message: /EEXIST/ });
    await bench.hit();
    writeFileSync(destination, 'of somebody');
    bench.faults.arm({ calls: 'link', path: '*', count: 'all', action: { fail: 'EPERM' } });
    await outcome;
    assert.ok((bench.faults.counters()[0]?.hits ?? 0) > 0);
    assert.equal(readFileSync(destination, 'utf8'), 'of somebody');
    assert.deepEqual(names(out), ['copy.db']);
  });
});

describe('the destination folder vanishes', () => {
  for (const [method, at] of [
    ['vacuum-into', 'temporary'],
    ['vacuum-into', 'copy'],
    ['vacuum-into', 'verify'],
    ['vacuum-into', 'seal'],
    ['vacuum-into', 'publish'],
    ['online', 'copy'],
    ['online', 'fold'],
  ] as const) {
    test(`${method}: before the step ${at}`, async t => {
      const home = folder(t);
      const out = join(home, 'out');
      mkdirSync(out);
      const db = bank(t, join(home, 'a.db'), 'wal', accounts);
      const onStep = (step: string) => step === at && rmSync(out, { recursive: true });
      await assert.rejects(backUp(db, join(out, 'copy.db'), { method }, { onStep }), {
        code: 'SAFE_SQLITE_BACKUP_FAILED',
        message: /step: (temporary|copy|fold|verify|seal|publish)/,
      });
      assert.equal(existsSync(out), false);
    });
  }
});

describe('a destination on another machine', { skip: faultsSkip() }, () => {
  test('every call there fails once, and writes that only claim to be done are found', async t => {
    using bench = createFaultBench();
    const { db, file, out, destination, step } = prepare(t, bench);
    const child = bench.start(program);
    await child.ask('open', file);
    const before = readFileSync((await backUp(db, destination)).path);
    let failures = 0;
    for (const call of calls) {
      for (const action of call === 'write' ? ([{ fail: 'ENOSPC' }, 'lie'] as const) : [{ fail: 'EIO' } as const]) {
        for (let nth = 1, hit = true; hit; nth++) {
          step();
          writeFileSync(destination, before);
          bench.faults.arm({ calls: call, path: `${out}*`, nth, action });
          const outcome = await child
            .ask<{ pages: number }>('backup', { to: destination, options: { overwrite: true }, network: out })
            .catch((error: Error & { code: string }) => error);
          hit = bench.faults.counters()[0]?.hits === 1;
          bench.faults.heal();
          const what = `${call} number ${nth} with ${JSON.stringify(action)}`;
          if (outcome instanceof Error) {
            failures += 1;
            assert.equal(outcome.code, 'SAFE_SQLITE_BACKUP_FAILED', what);
            assert.deepEqual(readFileSync(destination), before, what);
            if (action === 'lie') assert.match(outcome.message, /arrived differs/, what);
          } else {
            assert.ok(action !== 'lie' || !hit, what);
            assert.equal(assertBank(destination, accounts), transfers(db), what);
          }
          if (call !== 'unlink') assert.deepEqual(names(out), ['copy.db'], what);
          for (const name of names(out)) if (name !== 'copy.db') rmSync(join(out, name));
          assert.deepEqual(hidden(bench.folder), [], what);
        }
      }
    }
    assert.ok(failures > 5, `only ${failures} calls failed the backup`);
    t.diagnostic(`${failures} failed calls, each a typed failure`);
  });
});

describe('a full disk', { skip: process.getuid?.() !== 0 && 'mounting a small filesystem needs root' }, () => {
  for (const method of ['vacuum-into', 'online'] as const) {
    test(method, async t => {
      const home = folder(t);
      const out = join(home, 'out');
      mkdirSync(out);
      const db = bank(t, join(home, 'a.db'), 'wal', 5000);
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', out]);
      try {
        await assert.rejects(
          backUp(db, join(out, 'copy.db'), { method }),
          (error: Error & { hint: string; cause: { code: string } }) => {
            assert.equal(error.cause.code, 'SQLITE_FULL');
            assert.match(error.hint, /the disk of the destination/);
            return true;
          },
        );
        assert.deepEqual(names(out), []);
      } finally {
        execFileSync('umount', [out]);
      }
    });
  }
});

function hidden(path: string): string[] {
  return names(path).filter(name => name.startsWith('.'));
}

function transfers(db: InstanceType<typeof Native>): number {
  return Number(db.prepare('SELECT transfers FROM total').pluck().get());
}
