/**
 * Takes safety measures away one by one and asks whether the tests notice.
 *
 *   node test/mutants/mutants.mts [--room NAME] [--id ID] [--untried] [--minutes N] [--save]
 *
 * Saved results are kept by mutant: a later run goes on with those that have none, that nothing
 * noticed, or whose file has changed. `--untried` leaves out the last ones.
 */
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { createTrial, didNotEnd, mutated, UntriedError } from './apply.mts';
import { mutants } from './list.mts';
import type { Mutant } from './mutant.mts';

interface Result {
  readonly id: string;
  /** Of the mutated source and its tests: another one is tried again. */
  readonly digest: string;
  readonly noticedBy: string | null;
  readonly date: string;
}

const { values } = parseArgs({
  options: {
    room: { type: 'string' },
    id: { type: 'string' },
    untried: { type: 'boolean' },
    minutes: { type: 'string' },
    save: { type: 'boolean' },
  },
});
const path = join(import.meta.dirname, '../results/mutants.json');
function savedResults(): Map<string, Result> {
  const saved = existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as Result[]) : [];
  return new Map(saved.map(result => [result.id, result]));
}

const results = savedResults();

function digestOf(mutant: Mutant): string {
  const text = [mutated(mutant), ...mutant.tests].join('\n');
  return createHash('sha256').update(text).digest('hex').slice(0, 16);
}

const asked = mutants.filter(({ id, equivalent }) => {
  if (equivalent !== undefined) return false;
  if (values.id !== undefined) return id === values.id;
  return values.room === undefined || id.startsWith(`${values.room}/`);
});
// One that nothing noticed is tried again: a test may have been added.
const isKnown = (mutant: Mutant): boolean => {
  const result = results.get(mutant.id);
  if (result === undefined || result.noticedBy === null) return false;
  return values.untried === true || result.digest === digestOf(mutant);
};
/** The test files that noticed other mutants of the same source file, most often first. */
function likeliest(mutant: Mutant): readonly string[] {
  const counts = new Map<string, number>();
  for (const { id, file } of mutants) {
    const test = file === mutant.file ? results.get(id)?.noticedBy?.replace(didNotEnd, '') : undefined;
    if (test !== undefined) counts.set(test, (counts.get(test) ?? 0) + 1);
  }
  return [...counts].toSorted(([, one], [, other]) => other - one).map(([test]) => test);
}
const due = asked.filter(mutant => values.id !== undefined || !isKnown(mutant));
const deadline = values.minutes === undefined ? Infinity : Date.now() + Number(values.minutes) * 60_000;
using trial = createTrial();
for (const mutant of due) {
  if (Date.now() > deadline) break;
  let noticedBy: string | null;
  try {
    noticedBy = await trial.noticedBy(mutant, likeliest(mutant));
  } catch (error) {
    if (!(error instanceof UntriedError)) throw error;
    console.log(`untried   ${mutant.id}  ${error.message}`);
    continue;
  }
  console.log(
    `${noticedBy === null ? 'UNNOTICED' : 'noticed  '} ${mutant.id}${noticedBy === null ? '' : `  ${noticedBy}`}`,
  );
  const date = new Date().toISOString().slice(0, 10);
  const result: Result = { id: mutant.id, digest: digestOf(mutant), noticedBy, date };
  results.set(mutant.id, result);
  if (values.save === true) {
    // Read again: a run of another room may have saved meanwhile.
    const sorted = [...savedResults().set(mutant.id, result).values()].toSorted((one, other) =>
      one.id.localeCompare(other.id),
    );
    writeFileSync(path, `${JSON.stringify(sorted, null, 2)}\n`);
  }
}
const known = asked.flatMap(({ id }) => results.get(id) ?? []);
const noticed = known.filter(({ noticedBy }) => noticedBy !== null).length;
console.log(`${noticed} of ${known.length} noticed; ${asked.length - known.length} not tried yet.`);
if (noticed < known.length) process.exitCode = 1;
