/** Builds the message for a process where checkpoints, backups and checks cannot run in a thread. Pure. */
import type { ProgramObstacle } from '../native/programs';
import type { ResolvedCheckpoint } from '../options/resolved';

/**
 * Returns the sentence with the reason and the remedy; null if a thread is available, or if `checkpoint.thread: 'main'`
 * accepts having none.
 */
export function jobsOnEventLoop(
  obstacle: ProgramObstacle | null,
  checkpoint: ResolvedCheckpoint | 'off',
): string | null {
  if (obstacle === null || (checkpoint !== 'off' && checkpoint.thread === 'main')) return null;
  const { reason, remedy } = obstacle;
  return `Checkpoints, backups and checks stop the event loop while they run, because ${reason}. To mend it, ${remedy}; to accept it, set checkpoint.thread to 'main'.`;
}
