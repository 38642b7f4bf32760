/**
 * Kills a container at every system call of a scheduled backup and of a restore; the long form of the kills in containers.test.mts.
 *
 *   node test/mounts/containers/every-kill.mts [--operation backup|restore] [--first N] [--last N] [--save]
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { saveResult } from '../../results/save.mts';
import { createFaultBench, faultsSkip } from '../../support/fault-shim.mts';
import { whyNoContainers } from './container.mts';
import { operations } from './kill-at-call.mts';

const { values } = parseArgs({
  options: {
    operation: { type: 'string', default: '' },
    first: { type: 'string', default: '1' },
    last: { type: 'string', default: 'Infinity' },
    save: { type: 'boolean', default: false },
  },
});
const skip = faultsSkip() || whyNoContainers();
if (skip !== false) {
  console.error(`Nothing was run: ${skip}.`);
  process.exit(1);
}
for (const [title, raise] of Object.entries(operations)) {
  if (!title.endsWith(values.operation)) continue;
  const begun = performance.now();
  const root = mkdtempSync(join(tmpdir(), 'safe-sqlite-'));
  using _removed = { [Symbol.dispose]: () => rmSync(root, { recursive: true, force: true }) };
  using faults = createFaultBench();
  const { calls, strike } = await raise(root, faults, 'host');
  const [first, last] = [Number(values.first), Math.min(calls, Number(values.last))];
  let [kills, broken] = [0, 0];
  for (let nth = first; nth <= last; nth += 1) {
    try {
      kills += (await strike(nth)) ? 1 : 0;
    } catch (error) {
      broken += 1;
      console.log(`broken: ${title}, call ${nth} of ${calls}:`, error);
    }
  }
  const seconds = Math.round((performance.now() - begun) / 1000);
  console.log(`${title}: calls ${first} to ${last} of ${calls}, ${kills} kills, ${broken} with a fault, ${seconds} s`);
  if (values.save) saveResult('container-kills', { operation: title, calls, first, last, kills, broken, seconds });
  if (broken > 0) process.exitCode = 1;
}
