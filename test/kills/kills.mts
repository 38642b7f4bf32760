/**
 * Kills processes again and again, at system calls and at drawn moments; the long form of the kill tests.
 *
 *   node test/kills/kills.mts [--rounds N] [--minutes N] [--at calls|moments] [--seed N] [--first N] [--save]
 *   node test/kills/kills.mts --script NAME --strike kill|tear --nth N      one kill at a system call again
 *
 * Without `--at` each gets half of the rounds and of the minutes. `--first` goes on behind the rounds of an earlier run
 * with the same seed and the same `--at`.
 */
import { parseArgs } from 'node:util';
import { killRun, roundsPerDatabase, type KillSums } from '../faults/kill/run.mts';
import { freshSeed } from '../faults/random.mts';
import { faultsSkip } from '../support/fault-shim.mts';
import { saveResult } from '../results/save.mts';
import { raiseStand, type Spot } from './at-call.mts';
import { commandFor, killAtCalls, type CallSums } from './series.mts';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '1000' },
    minutes: { type: 'string', default: 'Infinity' },
    at: { type: 'string' },
    seed: { type: 'string', default: String(freshSeed()) },
    first: { type: 'string', default: '0' },
    script: { type: 'string' },
    strike: { type: 'string', default: 'kill' },
    nth: { type: 'string', default: '1' },
    save: { type: 'boolean', default: false },
  },
});
const skip = faultsSkip();
if (skip !== false) {
  console.error(`Nothing was run: ${skip}.`);
  process.exit(1);
}
const seed = Number(values.seed);
const first = Number(values.first);
const parts = values.at === undefined ? 2 : 1;
const rounds = Math.ceil(Number(values.rounds) / parts);
process.exitCode = (await (values.script === undefined ? all() : once(values.script))) ? 0 : 1;

async function once(script: string): Promise<boolean> {
  using stand = await raiseStand(script);
  const spot = { script, strike: values.strike as Spot['strike'], nth: Number(values.nth) };
  const { reached, faults } = await stand.strike(spot);
  for (const fault of faults) console.log(fault);
  if (!reached) console.log('The process came to its end: it makes fewer calls.');
  else if (faults.length === 0) console.log('Every promise was kept.');
  return faults.length === 0;
}

async function all(): Promise<boolean> {
  const begun = performance.now();
  const calls = values.at === 'moments' ? undefined : await atCalls();
  const moments = values.at === 'calls' ? undefined : await atMoments();
  const seconds = Math.round((performance.now() - begun) / 1000);
  console.log(`seed ${seed}, ${seconds} s`);
  if (values.save) saveResult('kills', { seed, seconds, calls, moments });
  return (calls?.broken ?? 0) + (moments?.broken ?? 0) === 0;
}

async function atCalls(): Promise<CallSums> {
  const sums = await killAtCalls({
    seed,
    first,
    rounds,
    enough: timeForOne(),
    onBroken: (spot, faults) => console.log(`broken; again with: ${commandFor(spot)}`, faults),
  });
  console.log(`at system calls: ${sums.kills} kills at ${sums.spots} spots, ${sums.broken} with a fault`);
  return sums;
}

/** A round is repeated with the others of its database, so the run begins with whole ones. */
async function atMoments(): Promise<KillSums> {
  const sums = await killRun({
    subject: 'ours',
    seed,
    first: first - (first % roundsPerDatabase),
    rounds,
    enough: timeForOne(),
    onRound({ number }, { faults }) {
      const start = number - (number % roundsPerDatabase);
      const command = `node test/kills/kills.mts --at moments --seed ${seed} --first ${start} --rounds ${roundsPerDatabase}`;
      for (const fault of faults) console.log(`broken: ${fault}\nagain with: ${command}`);
    },
  });
  console.log(
    `at drawn moments: ${sums.rounds} rounds, ${sums.kills} processes killed, ${sums.commits} acknowledged transactions, ` +
      `${sums.broken} rounds with a fault`,
  );
  return sums;
}

/** The minutes of one part, from its first kill on. */
function timeForOne(): () => boolean {
  let end: number | undefined;
  return () => performance.now() > (end ??= performance.now() + (Number(values.minutes) * 60_000) / parts);
}
