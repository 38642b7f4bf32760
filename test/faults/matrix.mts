/**
 * The command of the fault matrix.
 *
 *   node test/faults/matrix.mts                          every cell of both subjects, and what is wrong
 *   node test/faults/matrix.mts --write                  the same, and docs/faults.md from it
 *   node test/faults/matrix.mts --subject ours --operation close                          the cells of one operation
 *   node test/faults/matrix.mts --subject ours --cell commit-wal/fsync/wal/EIO/1/once     one cell, in full
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { format, resolveConfig } from 'prettier';
import { enumerateCells, longRunCells, nameOf, parseCell } from './matrix/cells.mts';
import { isWrong, judge, summarize } from './matrix/judge.mts';
import { startMatrix, type Outcome } from './matrix/run.mts';
import { collectRows, renderTable } from './matrix/table.mts';
import { faultsSkip } from '../support/fault-shim.mts';
import type { SubjectName } from './subject.mts';

const page = join(import.meta.dirname, '..', '..', 'docs', 'faults.md');
const command = 'node test/faults/matrix.mts --write';

const { values } = parseArgs({
  options: {
    subject: { type: 'string' },
    operation: { type: 'string' },
    cell: { type: 'string' },
    write: { type: 'boolean', default: false },
  },
});
const skip = faultsSkip();
if (skip !== false) {
  console.error(`Nothing was run: ${skip}.`);
  process.exit(1);
}
const subjects = (values.subject === undefined ? ['raw', 'ours'] : [values.subject]) as SubjectName[];
const outcomes: Outcome[] = [];
for (const subject of subjects) {
  await using matrix = await startMatrix(subject);
  if (values.cell !== undefined) {
    const outcome = await matrix.run(parseCell(values.cell));
    console.log(JSON.stringify({ ...outcome, judgement: judge(outcome) }, null, 2));
    continue;
  }
  const cells = longRunCells(enumerateCells(await matrix.count(values.operation)));
  const start = performance.now();
  for (const cell of cells) outcomes.push(await matrix.run(cell));
  const seconds = ((performance.now() - start) / 1000).toFixed(0);
  console.log(`${subject}: ${cells.length} cells in ${seconds} s`, verdicts(subject));
  for (const outcome of outcomes.filter(each => each.subject === subject && isWrong(each)))
    console.log(`  ${nameOf(outcome.cell)}: ${summarize(outcome)} – ${judge(outcome).reason}`);
}
if (values.write) {
  const text = renderTable(collectRows(outcomes), command);
  writeFileSync(page, await format(text, { ...(await resolveConfig(page)), parser: 'markdown' }));
}
if (outcomes.some(outcome => outcome.subject === 'ours' && isWrong(outcome))) process.exitCode = 1;

function verdicts(subject: SubjectName): Record<string, number> {
  const sums: Record<string, number> = {};
  for (const outcome of outcomes.filter(each => each.subject === subject)) {
    const { verdict } = judge(outcome);
    sums[verdict] = (sums[verdict] ?? 0) + 1;
  }
  return sums;
}
