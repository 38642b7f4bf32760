/**
 * The command of the kill test: thousands of rounds of SIGKILL under concurrent writers.
 *
 *   node test/faults/kill.mts                              1000 rounds of this library with a fresh seed
 *   node test/faults/kill.mts --rounds 10000 --seed 7      a longer run that can be repeated
 *   node test/faults/kill.mts --seed 7 --first 250 --rounds 25      the rounds of one database again
 */
import { parseArgs } from 'node:util';
import { killRun } from './kill/run.mts';
import { freshSeed } from './random.mts';
import { faultsSkip } from './shim.mts';
import type { SubjectName } from './subject.mts';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '1000' },
    seed: { type: 'string' },
    first: { type: 'string', default: '0' },
    subject: { type: 'string', default: 'ours' },
  },
});
const skip = faultsSkip();
if (skip !== false) {
  console.error(`Nothing was run: ${skip}.`);
  process.exit(1);
}
const seed = Number(values.seed ?? freshSeed());
const start = performance.now();
const sums = await killRun({
  subject: values.subject as SubjectName,
  seed,
  first: Number(values.first),
  rounds: Number(values.rounds),
  onRound: (round, result) => {
    if (round.number % 100 === 99) console.log(`round ${round.number + 1}`);
    for (const fault of result.faults) console.log(`round ${round.number} (${JSON.stringify(round)}): ${fault}`);
  },
});
const seconds = Math.round((performance.now() - start) / 1000);
console.log(
  `seed ${seed}: ${sums.rounds} rounds, ${sums.kills} processes killed, ${sums.commits} acknowledged transactions, ` +
    `${sums.broken} rounds with a fault, in ${seconds} s`,
);
if (sums.broken > 0) process.exitCode = 1;
