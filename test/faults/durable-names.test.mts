// Checks that a name that was given is durable: the last sync of each copy, the sync of the folder behind each name, and the way back when
// one of them fails. Each test fails when that sync, or that way back, is taken out (test/mutants/rooms/backup.mts).
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { describe, test } from 'node:test';
import { assertBank, closedBank, Native, names } from '../backup/fixture.mts';
import { createFaultBench, faultsSkip, type Action, type FaultBench, type LoggedCall } from '../support/fault-shim.mts';

const program = join(import.meta.dirname, 'durable-names.scenario.mts');
const eio: Action = { fail: 'EIO' };

/** A bench with a small database beside an empty folder `out`. */
function prepare(t: Parameters<typeof closedBank>[0], log = false) {
  const bench = createFaultBench({ log });
  const out = join(bench.folder, 'out');
  mkdirSync(out);
  const from = join(bench.folder, 'a.db');
  closedBank(t, from, 'delete', 3);
  return { bench, out, from, child: bench.start(program), [Symbol.dispose]: () => bench[Symbol.dispose]() };
}

/** What stands in a folder: each file with its bytes, and how many names it has. */
function picture(folder: string): Record<string, { bytes: string; names: number }> {
  return Object.fromEntries(
    names(folder).map(name => {
      const path = join(folder, name);
      return [name, { bytes: readFileSync(path).toString('base64'), names: statSync(path).nlink }];
    }),
  );
}

/** Runs `operation` once for each call of one kind, which fails, until there is none left; gives how many there were. */
async function failEach(
  bench: FaultBench,
  call: 'fsync' | 'dirsync' | 'rename' | 'link' | 'unlink',
  path: string,
  operation: (nth: number) => Promise<void>,
): Promise<number> {
  for (let nth = 1; ; nth += 1) {
    bench.faults.arm({ calls: call, path, nth, action: eio });
    await operation(nth);
    const hit = bench.faults.counters()[0]?.hits === 1;
    bench.faults.heal();
    if (!hit) return nth - 1;
  }
}

describe('a backup', { skip: faultsSkip() }, () => {
  for (const method of ['vacuum-into', 'online'] as const) {
    for (const overwrite of [true, false]) {
      const title = `${method}, ${overwrite ? 'over an older one' : 'to a new name'}`;
      test(`${title}: rejects when the copy, or a folder, cannot be synced, and the destination is as it was`, async t => {
        using at = prepare(t);
        const { bench, child, from, out } = at;
        const to = join(out, 'copy.db');
        if (overwrite) closedBank(t, to, 'delete', 1);
        const before = picture(out);
        const attempt = (): Promise<unknown> => child.ask('backup', { from, to, method, overwrite });
        for (const [call, path] of [
          ['fsync', `${out}/*`],
          ['dirsync', out],
        ] as const) {
          bench.faults.arm({ calls: call, path, count: 'all', action: eio });
          await assert.rejects(attempt(), { code: 'SAFE_SQLITE_BACKUP_FAILED' }, `${call} fails`);
          assert.ok((bench.faults.counters()[0]?.hits ?? 0) > 0);
          bench.faults.heal();
          assert.deepEqual(picture(out), before, `${call} failed`);
        }
        // A filesystem that has no sync of folders says EINVAL, and has its backup.
        bench.faults.arm({ calls: 'dirsync', path: out, count: 'all', action: { fail: 'EINVAL' } });
        await attempt();
        assert.equal(assertBank(to, 30), 3);
      });

      test(`${title}: the copy is synced behind its last write, then named, then the folder is synced`, async t => {
        using at = prepare(t, true);
        const { bench, child, from, out } = at;
        const to = join(out, 'copy.db');
        if (overwrite) closedBank(t, to, 'delete', 1);
        bench.faults.arm({ calls: ['write', 'fsync', 'dirsync', 'rename', 'link'], path: `${out}*`, action: 'count' });
        await child.ask('backup', { from, to, method, overwrite });
        const log = bench.log();
        const last = (is: (call: LoggedCall) => boolean): number => log.findLastIndex(is);
        const written = last(({ call, path }) => call === 'write' && path.endsWith('copy.tmp'));
        const synced = last(({ call, path }) => call === 'fsync' && path.endsWith('copy.tmp'));
        const named = last(({ call, path }) => ['rename', 'link'].includes(call) && basename(path) === 'copy.db');
        const folder = last(({ call, path }) => call === 'dirsync' && path === out);
        assert.ok(written >= 0 && written < synced, `written at ${written}, synced at ${synced}`);
        assert.ok(synced < named && named < folder, `synced at ${synced}, named at ${named}, folder at ${folder}`);
      });
    }
  }
});

test(
  'a piece of a copy whose sync fails fails the backup: a later sync does not make up for it',
  { skip: faultsSkip() },
  async t => {
    using at = prepare(t);
    const { bench, child, out } = at;
    const from = join(bench.folder, 'large.db');
    const db = new Native(from);
    db.exec('CREATE TABLE t (a)');
    const insert = db.prepare('INSERT INTO t VALUES (zeroblob(1000000))');
    for (let row = 0; row < 48; row += 1) insert.run();
    db.close();
    bench.faults.arm({ calls: 'fsync', path: `${out}/*copy.tmp`, nth: 1, action: eio });
    await assert.rejects(
      child.ask('backup', { from, to: join(out, 'copy.db'), method: 'vacuum-into', overwrite: false }),
      {
        code: 'SAFE_SQLITE_BACKUP_FAILED',
      },
    );
    assert.equal(bench.faults.counters()[0]?.hits, 1);
    assert.deepEqual(names(out), []);
  },
);

describe('a restore', { skip: faultsSkip() }, () => {
  const targets = {
    whole: (t: Parameters<typeof closedBank>[0], to: string) => closedBank(t, to, 'delete', 7),
    broken: (_t: unknown, to: string) => {
      for (const suffix of ['', '-wal', '-journal']) writeFileSync(`${to}${suffix}`, `broken${suffix}`.repeat(900));
    },
    missing: () => {},
  };
  for (const [state, make] of Object.entries(targets)) {
    test(`over a ${state} database: any sync, link or rename that fails leaves every file as it was`, async t => {
      using at = prepare(t);
      const { bench, child, from, out } = at;
      const to = join(out, 'b.db');
      for (const call of ['dirsync', 'rename', 'link'] as const) {
        let failed = 0;
        const calls = await failEach(bench, call, call === 'dirsync' ? out : `${out}*`, async nth => {
          rmSync(out, { recursive: true, force: true });
          mkdirSync(out);
          make(t, to);
          const before = picture(out);
          const outcome = await child.ask('restore', { from, to }).then(
            () => 'restored',
            (error: { code: string }) => error.code,
          );
          const hit = bench.faults.counters()[0]?.hits === 1;
          if (outcome === 'restored') return assert.equal(assertBank(to, 30), 3);
          failed += 1;
          assert.ok(hit);
          assert.equal(outcome, 'SAFE_SQLITE_RESTORE_FAILED');
          assert.deepEqual(picture(out), before, `${call} ${nth}`);
        });
        t.diagnostic(`${call}: ${failed} of ${calls} failed the restore`);
        if (call === 'dirsync') assert.equal(failed, calls, 'no sync of the folder fails unseen');
      }
    });

    test(`over a ${state} database: the folder is synced behind the last name`, async t => {
      using at = prepare(t, true);
      const { bench, child, from, out } = at;
      const to = join(out, 'b.db');
      make(t, to);
      bench.faults.arm({ calls: ['dirsync', 'rename', 'link', 'unlink'], path: `${out}*`, action: 'count' });
      await child.ask('restore', { from, to });
      const log = bench.log();
      const named = log.findLastIndex(
        ({ call, path }) => ['rename', 'link'].includes(call) && basename(path) === 'b.db',
      );
      const synced = log.findLastIndex(({ call, path }) => call === 'dirsync' && path === out);
      assert.ok(named >= 0 && named < synced, `named at ${named}, folder at ${synced}`);
      // What belonged to the old one is durably gone, and its second name there, before the new one comes.
      const before = log.slice(0, named);
      const gone = before.findLastIndex(
        ({ call, path }) => ['unlink', 'link'].includes(call) && /^b\.db[-.]/.test(basename(path)),
      );
      const settled = before.findLastIndex(({ call, path }) => call === 'dirsync' && path === out);
      assert.ok(gone < settled || state === 'missing', `gone at ${gone}, folder at ${settled}, new one at ${named}`);
    });
  }

  test('a file that another program creates just before the rename is not replaced', async t => {
    using at = prepare(t);
    const { bench, child, from, out } = at;
    const to = join(out, 'b.db');
    bench.faults.arm({ calls: ['link', 'rename'], path: to, action: 'hold' });
    const restore = child.ask('restore', { from, to });
    const outcome = assert.rejects(restore, { code: 'SAFE_SQLITE_RESTORE_FAILED' });
    await bench.hit();
    writeFileSync(to, 'of somebody else');
    bench.faults.heal();
    await outcome;
    assert.equal(readFileSync(to, 'utf8'), 'of somebody else');
    assert.deepEqual(names(out), ['b.db']);
  });
});

describe('a rescue', { skip: faultsSkip() }, () => {
  test('has no problem only when the copy and its name are on the disk', async t => {
    using at = prepare(t);
    const { bench, child, from, out } = at;
    const unconfirmed: string[] = [];
    for (const [call, path] of [
      ['fsync', `${out}/*`],
      ['dirsync', out],
    ] as const) {
      await failEach(bench, call, path, async () => {
        const saved = await child.ask<{ rescued: boolean; path: string; problem: string | null }>('rescue', {
          from,
          folder: out,
        });
        assert.equal(saved.rescued, true);
        if (/did not confirm it/.test(saved.problem ?? '')) unconfirmed.push(call);
        else assert.equal(saved.problem, null);
        // Where a sync of SQLite's own failed, the copy is elsewhere.
        rmSync(saved.path);
      });
    }
    assert.deepEqual(unconfirmed, ['fsync', 'dirsync']);
  });
});

describe('a fence marker', { skip: faultsSkip() }, () => {
  test('stands only when it and its name are synced; the first one is kept; its removal is synced', async t => {
    using at = prepare(t, true);
    const { bench, child, out } = at;
    const file = join(out, 'b.db');
    new Native(file).exec('CREATE TABLE t (a)').close();
    const marker = `${file}-fenced`;
    for (const [call, path] of [
      ['fsync', marker],
      ['dirsync', out],
    ] as const) {
      bench.faults.arm({ calls: call, path, count: 'all', action: eio });
      assert.notEqual(await child.ask('fence', file), null, call);
      assert.ok((bench.faults.counters()[0]?.hits ?? 0) > 0);
      bench.faults.heal();
      rmSync(marker, { force: true });
    }
    assert.equal(await child.ask('fence', file), null);
    bench.faults.arm({ calls: ['unlink', 'dirsync'], path: `${out}*`, action: 'count' });
    await child.ask('unfence', file);
    assert.equal(existsSync(marker), false);
    const log = bench.log();
    const removed = log.findLastIndex(({ call, path }) => call === 'unlink' && path === marker);
    assert.ok(removed >= 0 && log.findLastIndex(({ call }) => call === 'dirsync') > removed);
    writeFileSync(marker, 'the first fault');
    await child.ask('fence', file);
    assert.equal(readFileSync(marker, 'utf8'), 'the first fault');
  });
});
