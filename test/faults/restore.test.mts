// Every file call of a restore in the folder of its target fails once, and kills once: the old database stands, or the new one.
import assert from 'node:assert/strict';
import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { assertBank, closedBank, Native } from '../backup/fixture.mts';
import { createFaultBench, faultsSkip, nextCall, ScenarioEndedError, type Call } from '../support/fault-shim.mts';

describe('a restore, at every call in the folder', { skip: faultsSkip() }, () => {
  const program = join(import.meta.dirname, '..', 'backup', 'restore', 'restore.scenario.mts');
  const actions = [
    {
      what: 'fails: the old database stands, or the restore is done',
      action: { fail: 'EIO' },
      calls: ['open', 'read', 'write', 'truncate', 'fsync', 'dirsync', 'rename', 'link', 'unlink'],
    },
    {
      what: 'kills: the old database stands, or the new one',
      action: 'kill',
      calls: ['write', 'fsync', 'dirsync', 'rename', 'link', 'unlink'],
    },
  ] as const;
  for (const journal of ['wal', 'delete'] as const) {
    for (const { what, action, calls } of actions) {
      test(`${journal}: each call ${what}`, async t => {
        using bench = createFaultBench();
        const out = join(bench.folder, 'out');
        const backup = join(bench.folder, 'backup.db');
        const model = join(bench.folder, 'model.db');
        const to = join(out, 'b.db');
        closedBank(t, backup, 'delete', 1);
        closedBank(t, model, journal, 7, true);
        let stopped = 0;
        let child = bench.start(program);
        for (const call of calls satisfies readonly Call[]) {
          for (let nth = 1, hit = true; hit; nth = nextCall(nth)) {
            rmSync(out, { recursive: true, force: true });
            mkdirSync(out);
            for (const suffix of ['', '-wal', '-journal'])
              if (existsSync(model + suffix)) copyFileSync(model + suffix, to + suffix);
            bench.faults.arm({ calls: call, path: `${out}*`, nth, action });
            const outcome = await child.ask('restore', { from: backup, to }).then(
              () => 'restored',
              (error: unknown) => error,
            );
            hit = bench.faults.counters()[0]?.hits === 1;
            bench.faults.heal();
            const where = `${call} number ${nth}`;
            if (outcome !== 'restored') stopped += 1;
            if (outcome instanceof ScenarioEndedError) {
              child = bench.start(program);
              assert.ok([1, 7].includes(openAndCount(to)), where);
            } else if (outcome === 'restored') assert.equal(openAndCount(to), 1, where);
            else {
              assert.equal((outcome as { code: string }).code, 'SAFE_SQLITE_RESTORE_FAILED', where);
              assert.equal(openAndCount(to), 7, where);
            }
          }
        }
        assert.ok(stopped > 20, `only ${stopped} calls stopped the restore`);
        t.diagnostic(`stopped at ${stopped} calls`);
      });
    }
  }

  test('a filesystem without hard links: the old database is kept all the same', async t => {
    using bench = createFaultBench();
    const out = join(bench.folder, 'out');
    mkdirSync(out);
    const backup = join(bench.folder, 'backup.db');
    closedBank(t, backup, 'delete', 1);
    const child = bench.start(program);
    bench.faults.arm({ calls: 'link', path: '*', count: 'all', action: { fail: 'EPERM' } });
    for (const [name, state] of [
      ['whole.db', 'whole'],
      ['broken.db', 'broken'],
    ] as const) {
      const to = join(out, name);
      if (state === 'whole') closedBank(t, to, 'wal', 7, true);
      else for (const suffix of ['', '-wal']) writeFileSync(to + suffix, 'broken'.repeat(900));
      const report = await child.ask<{ kept: string[] }>('restore', { from: backup, to });
      assert.equal(assertBank(to, 30), 1);
      const [kept = ''] = report.kept;
      if (state === 'whole') assert.equal(assertBank(kept, 30), 7);
      else assert.equal(readFileSync(kept, 'utf8'), 'broken'.repeat(900));
    }
    assert.ok((bench.faults.counters()[0]?.hits ?? 0) > 0);
  });

  /** Opens as an application would: with what stands beside the file. */
  function openAndCount(path: string): number {
    const db = new Native(path);
    db.prepare('SELECT count(*) FROM account').get();
    db.close();
    return assertBank(path, 30);
  }
});
