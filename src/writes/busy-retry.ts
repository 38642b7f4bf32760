/** Tries again while something is in the way, without stopping the event loop: p-retry, with waits of its own. */
import { delay, performance } from '../base/clock';
import { retryUntilDone } from '../base/retry';
import type { BlockedBy } from './blocked-by';

export interface RetryPlan extends DelayBounds {
  /** Tries after the first. */
  readonly retries: number;
  /** The last try is made when this has passed, in milliseconds. */
  readonly budgetMs: number;
  /** Ends the wait at once. */
  readonly signal: AbortSignal;
  /** Called before each wait. */
  readonly onWait: (obstacle: BlockedBy, delayMs: number) => void;
}

/**
 * Calls `attempt` until it returns null, behind a first try that met `first`.
 *
 * The timer of a wait keeps the process alive, because somebody awaits the write.
 *
 * @returns null when nothing is in the way any more or nobody waits, or the obstacle that was there to the end
 */
export async function retryWhileObstructed(
  first: BlockedBy,
  attempt: () => BlockedBy | null,
  plan: RetryPlan,
): Promise<BlockedBy | null> {
  const deadline = performance.now() + plan.budgetMs;
  try {
    return await retryUntilDone<BlockedBy | null>(number => (number === 1 ? first : attempt()), {
      retries: plan.retries,
      // The wait is in shouldRetry: p-retry's own has no jitter once it has grown to its limit.
      minTimeout: 0,
      signal: plan.signal,
      isDone: obstacle => obstacle === null,
      shouldRetry: async ({ number, result: obstacle }) => {
        const leftMs = Math.ceil(deadline - performance.now());
        if (leftMs <= 0 || !obstacle) return false;
        const delayMs = Math.min(leftMs, retryDelayMs(number, plan, Math.random()));
        plan.onWait(obstacle, delayMs);
        await delay(delayMs, { signal: plan.signal });
        return true;
      },
    });
  } catch (error) {
    if (plan.signal.aborted) return null;
    throw error;
  }
}

// How long to wait before the next try for a lock: a pure decision.

export interface DelayBounds {
  readonly minDelayMs: number;
  readonly maxDelayMs: number;
}

/**
 * Doubles from `minDelayMs` to `maxDelayMs`, and takes a random moment of the second half, so that processes which wait
 * for one lock do not come back together, while nobody comes back at once.
 *
 * @param attempt 1 for the wait behind the first try
 * @param random from 0 (included) to 1 (excluded)
 */
export function retryDelayMs(attempt: number, { minDelayMs, maxDelayMs }: DelayBounds, random: number): number {
  const ceiling = Math.min(maxDelayMs, minDelayMs * 2 ** (attempt - 1));
  return Math.max(minDelayMs, Math.round(ceiling * (0.5 + random / 2)));
}
