/** Lets a hazard strike from a worker thread of the process that has the database open. */
import { once } from 'node:events';
import fs from 'node:fs';
import { createRequire } from 'node:module';
import { setImmediate as immediate } from 'node:timers/promises';
import { parentPort, workerData } from 'node:worker_threads';
import { installProcessGuard } from 'safe-sqlite';
import { hazards } from './hazards.mts';

const { hazard, file, second, guarded } = workerData as Record<'hazard' | 'file' | 'second', string> & {
  guarded: boolean;
};
if (guarded) installProcessGuard();
try {
  const require = createRequire(import.meta.url);
  await hazards[hazard]?.strike({ file, second, require, fs, immediate, once });
  parentPort?.postMessage(null);
} catch (error) {
  parentPort?.postMessage(error instanceof Error ? error.name : String(error));
}
