/**
 * Tries the states that a power cut may leave at every write boundary; the long form of write-boundaries.test.mts.
 *
 *   node test/power/write-boundaries.mts [--budget N] [--seed N] [--script NAME] [--save]
 *   node test/power/write-boundaries.mts --trace FOLDER --seed N --state N      one state again
 */
import { parseArgs } from 'node:util';
import { freshSeed } from '../faults/random.mts';
import { explore } from './boundaries/explore.mts';
import { discard, load } from './boundaries/record.mts';
import { tryScript } from './boundaries/run.mts';
import { scripts } from './boundaries/scripts.mts';
import { saveResult } from '../results/save.mts';

const { values } = parseArgs({
  options: {
    budget: { type: 'string', default: 'Infinity' },
    seed: { type: 'string', default: String(freshSeed()) },
    script: { type: 'string' },
    trace: { type: 'string' },
    state: { type: 'string' },
    save: { type: 'boolean', default: false },
  },
});
const seed = Number(values.seed);

if (values.trace !== undefined) {
  const recording = load(values.trace);
  const only = Number(values.state);
  const { broken } = explore(recording, { seed, budget: 1, oursEvery: 1, only });
  for (const fault of broken) console.log(fault);
  console.log(
    broken.length === 0
      ? `State ${only} keeps every promise.`
      : `The files of state ${only} were those of ${recording.folder}.`,
  );
  discard(recording);
  process.exitCode = broken.length === 0 ? 0 : 1;
} else {
  await all();
}

async function all(): Promise<void> {
  const started = performance.now();
  const rows = [];
  for (const { name, title } of scripts) {
    if (values.script !== undefined && values.script !== name) continue;
    const verdict = await tryScript(
      { script: name, subject: 'ours' },
      { seed, budget: Number(values.budget), oursEvery: 10 },
    );
    const { events, different, judged, judgedByOurs, broken, command } = verdict;
    rows.push({ name, title, events, different, judged, judgedByOurs, broken: broken.length });
    console.log(`${name}: ${judged} of ${different} states after ${events} changes, ${broken.length} broken`);
    for (const fault of broken.slice(0, 5)) console.log(fault);
    if (command !== null) console.log(`repeat with: ${command}`);
  }
  const bad = rows.some(({ broken }) => broken > 0);
  if (values.save)
    saveResult('write-boundaries', { seed, seconds: Math.round((performance.now() - started) / 1000), rows });
  process.exitCode = bad ? 1 : 0;
}
