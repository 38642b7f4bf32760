/** A transaction over two files on a failing disk: what was said of it is what another process finds after SIGKILL. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import Native from 'better-sqlite3';
import fc from 'fast-check';
import { createFaultBench, faultsSkip, type FaultRule } from '../support/fault-shim.mts';
import type { Deed, Setting, Told, Way } from './several-files.scenario.mts';

const program = join(import.meta.dirname, 'several-files.scenario.mts');
const skip = faultsSkip();

/** The ids that a process which starts now finds. */
function stored(file: string): ReadonlySet<number> {
  const db = new Native(file);
  try {
    assert.equal(db.pragma('integrity_check', { simple: true }), 'ok');
    return new Set(db.prepare<[], number>('SELECT id FROM t').pluck().all());
  } finally {
    db.close();
  }
}

const ways: readonly Way[] = ['write', 'write', 'transaction', 'exec', 'statement', 'withSnapshot'];

test(
  'SQLITE_FULL in the attached file: the part in main is committed, so it is unknown and the files are named',
  { skip },
  async () => {
    for (const way of ways) {
      using bench = createFaultBench();
      const child = bench.start(program);
      await child.ask('open', { main: 'wal', other: 'wal' } satisfies Setting);
      bench.faults.arm({ calls: 'write', path: '*/other.db-wal', count: 'all', action: { fail: 'ENOSPC' } });
      const deeds: Deed[] = [{ id: 1, way, into: way === 'statement' ? ['other'] : ['main', 'other'] }];
      const [told] = await child.ask<Told[]>('turn', deeds);
      const main = join(bench.folder, 'main.db');
      if (way === 'statement') assert.equal(told?.said, 'rolled-back');
      else {
        assert.equal(told?.said, 'unknown', way);
        assert.deepEqual(told.files, [main, join(bench.folder, 'other.db')]);
      }
      child.kill();
      await child.ended;
      // The hazard itself: SQLite has committed one file, and not the other.
      assert.deepEqual([...stored(main)], way === 'statement' ? [] : [1]);
      assert.deepEqual([...stored(join(bench.folder, 'other.db'))], []);
    }
  },
);

test('two files with rollback journals: all or nothing, and rolled back is what it says', { skip }, async () => {
  using bench = createFaultBench();
  const child = bench.start(program);
  await child.ask('open', { main: 'rollback', other: 'delete' } satisfies Setting);
  bench.faults.arm({ calls: 'write', path: '*/other.db', action: { fail: 'ENOSPC' } });
  const deeds: Deed[] = [{ id: 1, way: 'transaction', into: ['main', 'other'] }];
  const [told] = await child.ask<Told[]>('turn', deeds);
  assert.equal(told?.said, 'rolled-back');
  assert.equal(told.error?.code, 'SQLITE_FULL');
  child.kill();
  await child.ended;
  for (const name of ['main.db', 'other.db']) assert.deepEqual([...stored(join(bench.folder, name))], []);
});

test(
  'whatever fails under whatever mixture: what was said is what another process finds after SIGKILL',
  { skip },
  async () => {
    const rule = fc
      .record({
        calls: fc.constantFrom(
          'write' as const,
          'fsync' as const,
          'unlink' as const,
          'dirsync' as const,
          'truncate' as const,
        ),
        path: fc.constantFrom('*/main.db-wal', '*/other.db-wal', '*/main.db*', '*/other.db*', '*-journal', '*'),
        nth: fc.integer({ min: 1, max: 12 }),
        count: fc.constantFrom(1, 'all' as const),
        errno: fc.constantFrom('ENOSPC' as const, 'EIO' as const),
      })
      .map(({ errno, ...rest }): FaultRule => ({ ...rest, action: { fail: errno } }));
    const deed = fc.record({
      way: fc.constantFrom(...ways),
      into: fc.constantFrom(['main'], ['other'], ['main', 'other'], ['other', 'main']),
    });
    const turns = fc.array(fc.record({ rule, deeds: fc.array(deed, { minLength: 1, maxLength: 5 }) }), {
      minLength: 1,
      maxLength: 3,
    });
    const setting = fc.record({
      main: fc.constantFrom('wal', 'rollback'),
      other: fc.constantFrom('wal', 'delete', 'truncate'),
    });
    await fc.assert(
      fc.asyncProperty(setting, turns, async (opened, planned) => {
        using bench = createFaultBench();
        const child = bench.start(program);
        await child.ask('open', opened);
        let id = 0;
        const books: (Told & { readonly into: readonly string[] })[] = [];
        for (const { rule: armed, deeds } of planned) {
          bench.faults.arm(armed);
          const numbered = deeds.map(each => ({
            ...each,
            into: each.way === 'statement' ? each.into.slice(0, 1) : each.into,
            id: (id += 1),
          }));
          const told = await child.ask<Told[]>('turn', numbered);
          bench.faults.heal();
          books.push(...told.map((each, at) => ({ ...each, into: numbered[at]?.into ?? [] })));
        }
        child.kill();
        await child.ended;
        const found = { main: stored(join(bench.folder, 'main.db')), other: stored(join(bench.folder, 'other.db')) };
        for (const { id: row, said, into, error } of books) {
          const there = into.map(schema => found[schema as 'main' | 'other'].has(row));
          if (said === 'stored') assert.ok(there.every(Boolean), `${row} was acknowledged: ${JSON.stringify(error)}`);
          if (said === 'rolled-back')
            assert.ok(!there.includes(true), `${row} was said to be rolled back: ${JSON.stringify(error)}`);
        }
      }),
      { numRuns: process.env['LONG_TESTS'] === '1' ? 300 : 12 },
    );
  },
);
