/**
 * Kills processes again and again, at system calls and at drawn moments; the long form of the kill tests.
 *
 *   node test/kills/kills.mts [--rounds N] [--minutes N] [--at calls|moments] [--seed N] [--first N] [--save]
 *   node test/kills/kills.mts --script NAME --strike kill|tear --nth N      one kill at a system call again
 *
 * `--first` goes on where a run with the same seed has ended. A round at a drawn moment is repeated with the others of its
 * database: `--at moments --seed N --first N --rounds 25`.
 */
import { parseArgs } from 'node:util';
import { killRun, roundsPerDatabase, type KillSums } from '../faults/kill/run.mts';
import { freshSeed } from '../faults/random.mts';
import { faultsSkip } from '../faults/shim.mts';
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
const begun = performance.now();
process.exitCode = (await (values.script === undefined ? long() : once(values.script))) ? 0 : 1;

async function once(script: string): Promise<boolean> {
  using stand = await raiseStand(script);
  const spot = { script, strike: values.strike as Spot['strike'], nth: Number(values.nth) };
  const { reached, faults } = await stand.strike(spot);
  for (const fault of faults) console.log(fault);
  if (!reached) console.log('The process came to its end: it makes fewer calls.');
  else if (faults.length === 0) console.log('Every promise was kept.');
  return faults.length === 0;
}

async function long(): Promise<boolean> {
  const both = values.at === undefined;
  const share = both ? 2 : 1;
  // In whole databases, so that a later run can go on with the next one.
  const rounds = Math.ceil(Number(values.rounds) / share / roundsPerDatabase) * roundsPerDatabase;
  const first = Math.ceil(Number(values.first) / share / roundsPerDatabase) * roundsPerDatabase;
  /** The part of one half, from its first kill on. */
  const timeFor = (part: number): (() => boolean) => {
    let end: number | undefined;
    return () => performance.now() > (end ??= performance.now() + (Number(values.minutes) * 60_000) / part);
  };
  let calls: CallSums | undefined;
  let moments: KillSums | undefined;
  if (values.at !== 'moments')
    calls = await killAtCalls({
      seed,
      first,
      rounds,
      enough: timeFor(share),
      onBroken: (spot, faults) => console.log(`broken: ${commandFor(spot)}`, faults),
    });
  if (calls !== undefined)
    console.log(`at system calls: ${calls.kills} kills at ${calls.spots} spots, ${calls.broken} with a fault`);
  if (values.at !== 'calls')
    moments = await killRun({
      subject: 'ours',
      seed,
      first,
      rounds,
      enough: timeFor(share),
      onRound: ({ number }, { faults }) => {
        const start = number - (number % roundsPerDatabase);
        const command = `node test/kills/kills.mts --at moments --seed ${seed} --first ${start} --rounds ${roundsPerDatabase}`;
        for (const fault of faults) console.log(`broken: round ${number}: ${fault}\n${command}`);
      },
    });
  if (moments !== undefined)
    console.log(
      `at drawn moments: ${moments.rounds} rounds, ${moments.kills} processes killed, ${moments.commits} acknowledged transactions, ${moments.broken} rounds with a fault`,
    );
  const seconds = Math.round((performance.now() - begun) / 1000);
  const next = Number(values.first) + Number(values.rounds);
  console.log(`${seconds} s; go on with --seed ${seed} --first ${next}`);
  if (values.save) saveResult('kills', { seed, first, seconds, calls, moments });
  return (calls?.broken ?? 0) + (moments?.broken ?? 0) === 0;
}
