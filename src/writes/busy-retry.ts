/** Retries while a batch is blocked, without blocking the event loop: p-retry, with delays of its own. */
import { delay, performance } from '../base/clock';
import { retryUntilDone } from '../base/retry';
import type { BlockedBy } from './blocked-by';

export interface RetryPlan extends DelayBounds {
  /** Attempts after the first. */
  readonly retries: number;
  /** The last attempt is made after this time, in milliseconds. */
  readonly budgetMs: number;
  /** Ends the wait at once. */
  readonly signal: AbortSignal;
  /** Called before each wait. */
  readonly onWait: (obstacle: BlockedBy, delayMs: number) => void;
}

/**
 * Calls `attempt` until it returns null, after a first attempt that met `first`.
 *
 * The timer of a wait keeps the process alive, because the write is awaited.
 *
 * @returns null if nothing blocks any more or no write waits, else the last obstacle
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

// Computes the delay before the next attempt at a lock. Pure.

export interface DelayBounds {
  readonly minDelayMs: number;
  readonly maxDelayMs: number;
}

/**
 * Doubles from `minDelayMs` to `maxDelayMs` and takes a random point in the second half: processes that wait for one
 * lock do not retry together, and none retries at once.
 *
 * @param attempt 1 for the wait after the first attempt
 * @param random from 0 (included) to 1 (excluded)
 */
export function retryDelayMs(attempt: number, { minDelayMs, maxDelayMs }: DelayBounds, random: number): number {
  const ceiling = Math.min(maxDelayMs, minDelayMs * 2 ** (attempt - 1));
  return Math.max(minDelayMs, Math.round(ceiling * (0.5 + random / 2)));
}
