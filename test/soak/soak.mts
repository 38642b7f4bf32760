/**
 * Hours of mixed load under changing weather; the long form of soak.test.mts.
 *
 *   node test/soak/soak.mts [--minutes N] [--seed N] [--save]
 */
import { parseArgs } from 'node:util';
import { freshSeed } from '../faults/random.mts';
import { faultsSkip } from '../support/fault-shim.mts';
import { saveResult } from '../results/save.mts';
import { soak } from './run.mts';

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '20' },
    seed: { type: 'string', default: String(freshSeed()) },
    save: { type: 'boolean', default: false },
  },
});
const skip = faultsSkip();
if (skip !== false) {
  console.error(`Nothing was run: ${skip}.`);
  process.exit(1);
}
const seed = Number(values.seed);
const report = await soak({ minutes: Number(values.minutes), seed, onLine: line => console.log(line) });
console.log(JSON.stringify(report, null, 2));
if (values.save) saveResult('soak', { seed, ...report });
if (report.faults.length > 0) {
  console.log(`again with: node test/soak/soak.mts --minutes ${values.minutes} --seed ${seed}`);
  process.exitCode = 1;
}
