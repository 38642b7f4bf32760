// A short run of the fault matrix: one n of each fault at each call, drawn with a seed. matrix.mts runs all of them and
// writes docs/faults.md; the outcomes here must be those of that page.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import { enumerateCells, longRunCells, nameOf, parseCell, sampleCells, type Cell } from './matrix/cells.mts';
import { isWrong, judge, summarize } from './matrix/judge.mts';
import { startMatrix, type Outcome } from './matrix/run.mts';
import { contradiction, differingKeys, parseTable } from './matrix/table.mts';
import { freshSeed, seeded } from './random.mts';
import { faultsSkip } from '../support/fault-shim.mts';
import type { SubjectName } from './subject.mts';

const skip = faultsSkip();
const seed = Number(process.env['FAULT_SEED'] ?? freshSeed());
const page = parseTable(readFileSync(join(import.meta.dirname, '..', '..', 'docs', 'faults.md'), 'utf8'));

interface ShortRun {
  readonly outcomes: readonly Outcome[];
  /** Every cell that there is, run or not. */
  readonly cells: readonly Cell[];
}

async function shortRun(t: TestContext, subject: SubjectName, always: readonly string[] = []): Promise<ShortRun> {
  t.diagnostic(`again with: FAULT_SEED=${seed} node --test test/faults/matrix.test.mts`);
  await using matrix = await startMatrix(subject);
  const cells = enumerateCells(await matrix.count());
  const outcomes: Outcome[] = [];
  for (const cell of [...always.map(parseCell), ...sampleCells(cells, seeded(seed))])
    outcomes.push(await matrix.run(cell));
  t.diagnostic(`${outcomes.length} of ${cells.length} cells`);
  return { outcomes, cells };
}

function contradictions(outcomes: readonly Outcome[]): string[] {
  return outcomes.flatMap(outcome => {
    const against = contradiction(outcome, page);
    return against === null ? [] : [`${nameOf(outcome.cell)}: ${against}`];
  });
}

/** What better-sqlite3 does not say, or says wrongly. */
const hazards: Readonly<Record<string, string>> = {
  'commit-autocheckpoint/fsync/wal/EIO/3/once': '**silent**',
  'commit-autocheckpoint/write/database/ENOSPC/1/lasting': '**silent**',
  'commit-autocheckpoint/fsync/database/EIO/1/once': '**silent**',
  'close/fsync/database/EIO/1/once': '**silent**',
  'close/write/database/EIO/1/lasting': '**silent**',
  'backup/lock/copy/ENOLCK/1/lasting': '**lost**',
};

describe('the fault matrix', { skip }, () => {
  const every: Cell[] = [];

  test('better-sqlite3 as it comes is silent about failed checkpoints, closes and backups', async t => {
    const { outcomes, cells } = await shortRun(t, 'raw', Object.keys(hazards));
    every.push(...cells);
    for (const [name, words] of Object.entries(hazards)) {
      const outcome = outcomes.find(({ cell }) => nameOf(cell) === name);
      assert.equal(outcome && summarize(outcome), words, name);
    }
    assert.deepEqual(contradictions(outcomes), []);
  });

  test('this library reports every failure, keeps every acknowledged transaction and goes on or is fenced', async t => {
    const { outcomes, cells } = await shortRun(t, 'ours');
    every.push(...cells);
    const wrong = outcomes.filter(isWrong).map(outcome => `${nameOf(outcome.cell)}: ${judge(outcome).reason}`);
    assert.deepEqual(wrong, []);
    assert.deepEqual(contradictions(outcomes), []);
  });

  test('docs/faults.md has a row for each fault at each call, and no other', () => {
    assert.ok(every.length > 0);
    assert.deepEqual(differingKeys(longRunCells(every), page), []);
  });
});
