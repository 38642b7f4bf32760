/** Decides what is said where checkpoints, backups and checks cannot run in a thread. Pure. */
import type { ProgramObstacle } from '../native/programs';
import type { ResolvedCheckpoint } from '../options/resolved';

/**
 * A sentence with the reason and the remedy; null where there is a thread, and where `checkpoint.thread: 'main'` says that
 * the application does without.
 */
export function jobsOnEventLoop(
  obstacle: ProgramObstacle | null,
  checkpoint: ResolvedCheckpoint | 'off',
): string | null {
  if (obstacle === null || (checkpoint !== 'off' && checkpoint.thread === 'main')) return null;
  const { reason, remedy } = obstacle;
  return `Checkpoints, backups and checks stop the event loop while they run, because ${reason}. To mend it, ${remedy}; to accept it, set checkpoint.thread to 'main'.`;
}
