// A short run of the fault matrix: one n of each fault at each call, drawn with a seed. matrix.mts runs all of them.
import assert from 'node:assert/strict';
import { describe, test, type TestContext } from 'node:test';
import { enumerateCells, nameOf, sampleCells } from './matrix/cells.mts';
import { isWrong, judge } from './matrix/judge.mts';
import { startMatrix, type Outcome } from './matrix/run.mts';
import { freshSeed, seeded } from './random.mts';
import { faultsSkip } from './shim.mts';
import type { SubjectName } from './subject.mts';

const skip = faultsSkip();
const seed = Number(process.env['FAULT_SEED'] ?? freshSeed());

async function shortRun(t: TestContext, subject: SubjectName): Promise<Outcome[]> {
  t.diagnostic(`again with: FAULT_SEED=${seed} node --test test/faults/matrix.test.mts`);
  await using matrix = await startMatrix(subject);
  const cells = sampleCells(enumerateCells(await matrix.count()), seeded(seed));
  const outcomes: Outcome[] = [];
  for (const cell of cells) outcomes.push(await matrix.run(cell));
  t.diagnostic(`${outcomes.length} cells`);
  return outcomes;
}

function wrong(outcomes: readonly Outcome[]): string[] {
  return outcomes
    .filter(isWrong)
    .map(outcome => `${nameOf(outcome.cell)}: ${judge(outcome).verdict}: ${judge(outcome).reason}`);
}

describe('the fault matrix', { skip }, () => {
  test('better-sqlite3 as it comes is silent where this library must not be', async t => {
    const found = wrong(await shortRun(t, 'raw'));
    for (const hazard of [
      /^commit-autocheckpoint\/fsync\/wal\/EIO\/.*silent/,
      /^commit-autocheckpoint\/write\/database\/ENOSPC\/.*silent/,
      /^close\/fsync\/database\/EIO\/.*silent/,
      /^close\/write\/database\/EIO\/.*silent/,
      /^backup\/lock\/copy\/ENOLCK\/.*lost: copy.db: acknowledged transaction/,
    ])
      assert.ok(
        found.some(line => hazard.test(line)),
        `${hazard} is not among\n${found.join('\n')}`,
      );
    // What raw reports it reports truthfully: the bench would see a lost commit, and finds none here.
    assert.deepEqual(
      found.filter(line => line.includes(': lost:') && !line.startsWith('backup/')),
      [],
    );
  });
});
