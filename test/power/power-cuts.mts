/**
 * Cuts the power again and again; the long form of power-cuts.test.mts. Needs root.
 *
 *   node test/power/power-cuts.mts [--rounds N] [--minutes N] [--evidence N] [--ground NAME] [--journal wal|delete]
 *                                   [--seed N] [--save]
 *
 * `--minutes`: for each ground at most, without the rounds of better-sqlite3; `--evidence`: how many those are.
 */
import { parseArgs } from 'node:util';
import { freshSeed } from '../faults/random.mts';
import { createLab } from '../mounts/lab.mts';
import { groundNames, makeGround, whyNoGround, type GroundName } from './cuts/grounds.mts';
import type { Load, RoundResult } from './cuts/round.mts';
import { playSeries } from './cuts/series.mts';
import { saveResult } from '../results/save.mts';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '100' },
    minutes: { type: 'string', default: 'Infinity' },
    evidence: { type: 'string', default: '8' },
    ground: { type: 'string' },
    journal: { type: 'string' },
    seed: { type: 'string', default: String(freshSeed()) },
    save: { type: 'boolean', default: false },
  },
});
const seed = Number(values.seed);
const rounds = Number(values.rounds);

interface Row {
  readonly ground: GroundName;
  readonly subject: string;
  readonly cuts: number;
  readonly disks: number;
  readonly acknowledged: number;
  readonly unknown: number;
  /** What was carried out before the cuts, and how often. */
  readonly operations: Readonly<Record<string, number>>;
  readonly lost: number;
  readonly broken: number;
}

const wal: Load = { subject: 'ours', settings: { journal: 'wal' }, processes: 3, commits: 150 };
const rollback: Load = { ...wal, settings: { journal: 'delete' } };
const rawAtRest = { subject: 'raw', processes: 1, commits: 30, atRest: true, only: ['commit'] } as const;
const rawNormal: Load = { ...rawAtRest, settings: { journal: 'wal', synchronous: 'NORMAL', autocheckpoint: 1000 } };
const rawDelete: Load = { ...rawAtRest, settings: { journal: 'delete', synchronous: 'FULL' } };
/** Rounds that show what better-sqlite3 loses as it comes. */
const evidenceRounds = Number(values.evidence);

const begun = performance.now();
const rows: Row[] = [];
for (const ground of groundNames) {
  if (values.ground !== undefined && values.ground !== ground) continue;
  const reason = whyNoGround(ground);
  if (reason !== false) {
    console.log(`${ground}: skipped, ${reason}`);
    continue;
  }
  if (values.journal !== 'delete') await series(ground, 'safe-sqlite, WAL', wal, rounds, timeFor(0.8));
  if (values.journal !== 'wal')
    await series(ground, 'safe-sqlite, rollback journal', rollback, Math.ceil(rounds / 4), timeFor(0.2));
  await series(ground, 'better-sqlite3, WAL as it comes (NORMAL)', rawNormal, evidenceRounds);
  await series(ground, 'better-sqlite3, DELETE and FULL', rawDelete, evidenceRounds);
}
if (values.save) saveResult('power-cuts', { seed, seconds: Math.round((performance.now() - begun) / 1000), rows });
process.exitCode = rows.some(({ subject, broken }) => subject.startsWith('safe') && broken > 0) ? 1 : 0;

/** A part of the minutes, from its first round on. */
function timeFor(part: number): () => boolean {
  let end: number | undefined;
  return () => performance.now() > (end ??= performance.now() + Number(values.minutes) * 60_000 * part);
}

async function series(
  name: GroundName,
  subject: string,
  load: Load,
  count: number,
  enough: () => boolean = () => false,
): Promise<void> {
  using lab = createLab();
  const ground = await makeGround(name, lab);
  // A raw database loses something in nearly every round, and would go on to be judged by that in the next.
  const fresh = load.subject === 'raw';
  const onRound = (result: RoundResult, round: number): void => {
    if (load.subject === 'raw') return;
    for (const failure of result.failures) console.log(`round ${round}`, failure);
    for (const { faults, ...where } of result.broken) console.log(`round ${round}`, where, faults.slice(0, 3));
  };
  const results = await playSeries(ground, { load, rounds: count, seed, enough, fresh, onRound });
  await ground.end();
  const sum = (of: (result: RoundResult) => number): number => results.reduce((total, each) => total + of(each), 0);
  const row: Row = {
    ground: name,
    subject,
    cuts: results.length,
    disks: sum(({ outcomes }) => outcomes),
    acknowledged: sum(result => result.acknowledged),
    unknown: sum(result => result.unknown),
    operations: operationsOf(results),
    lost: sum(({ broken }) => broken.flatMap(({ faults }) => faults).filter(fault => fault.endsWith('is lost')).length),
    broken: sum(({ broken, failures }) => broken.length + failures.length),
  };
  rows.push(row);
  console.log(`${name}, ${subject}:`, row);
}

function operationsOf(results: readonly RoundResult[]): Record<string, number> {
  const sums: Record<string, number> = {};
  for (const { operations } of results)
    for (const [name, count] of Object.entries(operations)) sums[name] = (sums[name] ?? 0) + count;
  return sums;
}
