/** A process of its own with raw better-sqlite3: takes one step after the other from its parent, answers each. */
import { take, type RawStep } from './raw-step.mts';

process.on('message', (step: RawStep) => {
  process.send!(take(step));
});
