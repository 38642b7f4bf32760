/** Retries with p-retry, and gives back the last result instead of an error when the attempts are used up. */
import pRetry, { type Options } from '#p-retry';

/** What one attempt ended with. */
export type Attempt<T> =
  | { readonly number: number; readonly result: T; readonly error?: undefined }
  | { readonly number: number; readonly result?: undefined; readonly error: Error };

export interface RetryOptions<T> extends Omit<Options, 'shouldRetry' | 'onFailedAttempt'> {
  /** True for a result that needs no further attempt. */
  readonly isDone: (result: T) => boolean;
  /** Asked after each attempt that threw or whose result is not done. */
  readonly shouldRetry: (attempt: Attempt<T>) => boolean | Promise<boolean>;
}

/** p-retry retries what is thrown: this carries a result there. */
class NotDone<T> extends Error {
  readonly result: T;

  constructor(result: T) {
    super('The result is not final.');
    this.result = result;
  }
}

/**
 * Calls `attempt` until its result is done or `shouldRetry` declines.
 *
 * @param attempt called with 1, 2, 3, …
 * @returns the last result, done or not
 * @throws what the last attempt threw, or the reason of `options.signal`
 */
export async function retryUntilDone<T>(
  attempt: (number: number) => T | Promise<T>,
  { isDone, shouldRetry, ...options }: RetryOptions<T>,
): Promise<T> {
  try {
    return await pRetry(
      async number => {
        const result = await attempt(number);
        if (!isDone(result)) throw new NotDone(result);
        return result;
      },
      {
        ...options,
        shouldRetry: ({ error, attemptNumber: number }) =>
          shouldRetry(error instanceof NotDone ? { number, result: error.result as T } : { number, error }),
      },
    );
  } catch (error) {
    if (error instanceof NotDone) return error.result as T;
    throw error;
  }
}
