// A short run of kills: concurrent writers in several processes, SIGKILL at drawn moments and drawn system calls.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { expectationOf, openBooks } from './kill/books.mts';
import { playRound, type Round } from './kill/round.mts';
import { killRun } from './kill/run.mts';
import { freshSeed } from './random.mts';
import { createFaultBench, faultsSkip } from '../support/fault-shim.mts';

const skip = faultsSkip();
const seed = Number(process.env['FAULT_SEED'] ?? freshSeed());
const rounds = 24;

describe('the books of a run', () => {
  const error = { name: 'SqliteError', message: '' };
  const table = [
    ['no answer may be either', [{ begin: 1 }], [], [1]],
    ['an answer is a promise', [{ begin: 1 }, { committed: 1 }], [1], []],
    ['a lock is a denial', [{ begin: 1 }, { failed: 1, error: { ...error, code: 'SQLITE_BUSY' } }], [], []],
    [
      'an outcome that is said to be unknown may be either',
      [{ begin: 1 }, { failed: 1, error: { ...error, code: 'SQLITE_IOERR_FSYNC', commitOutcome: 'unknown' } }],
      [],
      [1],
    ],
  ] as const;
  for (const [title, entries, acknowledged, unknown] of table)
    test(title, () => assert.deepEqual(expectationOf(entries, 'ours'), { acknowledged, unknown }));
});

describe('SIGKILL under concurrent writers', { skip }, () => {
  test('the bench sees a loss: a journal in memory leaves half a transaction', async () => {
    const found: string[] = [];
    // The writes of the first transactions, one after the other: some lie in the middle of a commit.
    for (let nth = 20; nth < 26; nth += 1) {
      using bench = createFaultBench();
      const round: Round = {
        number: 0,
        subject: 'raw',
        journal: 'memory',
        writers: 1,
        death: { kind: 'call', call: 'write', nth, action: 'kill', ms: 5000 },
        synced: false,
      };
      const books = openBooks(join(bench.folder, 'books'), 'raw');
      found.push(...(await playRound(bench, join(bench.folder, 't.db'), books, round)).faults);
    }
    assert.notDeepEqual(found, []);
  });

  test(`${rounds} rounds: nothing acknowledged is lost, nothing is half there`, async t => {
    t.diagnostic(`again with: FAULT_SEED=${seed} node --test test/faults/kill.test.mts`);
    const faults: string[] = [];
    const sums = await killRun({
      subject: 'ours',
      seed,
      rounds,
      onRound: (round, result) => faults.push(...result.faults.map(fault => `${JSON.stringify(round)}: ${fault}`)),
    });
    t.diagnostic(`${sums.kills} processes killed, ${sums.commits} acknowledged transactions`);
    assert.deepEqual(faults, []);
    assert.ok(sums.commits > rounds, 'the writers came to something');
  });
});
