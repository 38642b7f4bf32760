/** A failed read of `/proc` is no lost lock: the database opens and works as with better-sqlite3, and a real loss is seen afterwards. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { createFaultBench, faultsSkip, type Call, type ErrnoName, type FaultRule } from '../support/fault-shim.mts';

const program = join(import.meta.dirname, 'cannot-look.scenario.mts');
const errnos: readonly ErrnoName[] = ['EMFILE', 'ENFILE', 'ENOMEM', 'EACCES', 'EPERM', 'EIO', 'ENOENT'];
const calls: readonly Call[] = ['open', 'read'];

function rule(call: Call, errno: ErrnoName, path: string): FaultRule {
  return { calls: call, path, count: 'all', action: { fail: errno } };
}

describe('a failed read of /proc', { skip: faultsSkip() }, () => {
  for (const call of calls) {
    for (const errno of errnos) {
      const journalMode = errno === 'EIO' || errno === 'ENFILE' ? 'rollback' : 'wal';
      test(`${call}: ${errno}, ${journalMode}`, async () => {
        using bench = createFaultBench();
        const child = bench.start(program);
        const rules = [rule(call, errno, '/proc/*')];
        assert.equal(await child.ask('openUnder', { subject: 'raw', rules }), null, 'raw does not look');
        assert.equal(await child.ask('openUnder', { subject: 'ours', rules }), null);
        const { hits, said, locks, lost } = (await child.ask('liveUnder', { rules, journalMode })) as {
          readonly hits: number;
          readonly said: readonly string[];
          readonly locks: string;
          readonly lost: string | null;
        };
        assert.ok(hits > 0, 'the fault is met');
        const alarms = said.filter(code => ['locksLost', 'fileReplaced', 'fenced'].includes(code));
        assert.deepEqual(alarms, []);
        const told = said.filter(code => code === 'sentinel-cannot-look');
        assert.ok(told.length <= 2, `told once by each open, ${told.length} times`);
        assert.equal(locks, 'watched');
        assert.equal(lost, 'SAFE_SQLITE_LOCKS_LOST');
        child.kill();
        await child.ended;
      });
    }
  }
});

describe('an open that the system refuses', { skip: faultsSkip() }, () => {
  for (const errno of ['EMFILE', 'ENFILE', 'ENOMEM'] as const) {
    test(`${errno}: the code of better-sqlite3`, async () => {
      using bench = createFaultBench();
      const child = bench.start(program);
      const rules = [rule('open', errno, '*/app.db')];
      assert.equal(await child.ask('openUnder', { subject: 'raw', rules }), 'SQLITE_CANTOPEN');
      assert.equal(await child.ask('openUnder', { subject: 'ours', rules }), 'SQLITE_CANTOPEN');
      child.kill();
      await child.ended;
    });
  }
});
