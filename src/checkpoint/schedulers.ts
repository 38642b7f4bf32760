/** Finds the one scheduler of each file in this thread, shared by all copies of this package. */
import { processGlobal } from '../base/process-global';
import { FileScheduler, type CheckpointedFile } from './scheduler';

const schedulers = processGlobal<Map<string, FileScheduler>>('schedulers', 1, () => new Map());

export function schedulerOf(file: CheckpointedFile): FileScheduler {
  const known = schedulers.get(file.key);
  if (known !== undefined) return known;
  const scheduler = new FileScheduler(file);
  schedulers.set(file.key, scheduler);
  return scheduler;
}

/** After the last connection has left. */
export function forgetScheduler(scheduler: FileScheduler): void {
  if (schedulers.get(scheduler.target.key) === scheduler) schedulers.delete(scheduler.target.key);
}
