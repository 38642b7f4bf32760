/** How long to wait before the next try for a lock: a pure decision. */

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
