/**
 * Builds the error of a failed step of a backup or a restore: it names the step and the paths, with the fault as its
 * cause.
 */
import { errorCode, errorMessage, memberOf } from '../base/foreign-error';
import type { ErrorContext } from '../errors/error-facts';
import { lineageOf } from '../errors/class-brand';
import { SqliteFullError } from '../errors/sqlite-errors';
import { translateError } from '../errors/translate';
import { isRefusal, noInodeHint } from '../filesystem/refused-file';

/** The steps of a backup, in order. */
export type BackupStep =
  'source' | 'destination' | 'temporary' | 'copy' | 'fold' | 'verify' | 'seal' | 'transfer' | 'publish';

/** The steps of a restore, in order. */
export type RestoreStep = 'target' | 'temporary' | 'copy' | 'verify' | 'seal' | 'fold' | 'swap' | 'check';

/** Paths and other facts of a failure. */
export type FailureFacts = Readonly<Record<string, unknown>>;

type FailureClass = new (message: string, context: ErrorContext) => Error;

/**
 * Returns the error for a step that failed with `cause`. An error of the same family keeps its class, with the facts of
 * the step added.
 */
export function stepFailure(
  failureClass: FailureClass,
  what: string,
  step: string,
  cause: unknown,
  facts: FailureFacts,
): Error {
  const typed = translateError(cause, { operation: `${what} (${step})` });
  if (typed instanceof failureClass) {
    const { message, hint, details, retryable } = typed as Error & {
      hint: string;
      details: FailureFacts;
      retryable: boolean;
    };
    return new failureClass(message, { hint, retryable, details: { step, ...facts, ...details }, cause: typed.cause });
  }
  const fault = errorMessage(typed);
  const hint = hintFor(typed, [facts['destination'], facts['to']]);
  return new failureClass(`The ${what} failed (step: ${step}): ${fault}`, {
    ...(hint === undefined ? {} : { hint }),
    // The hint is that of the fault, and "try again" must not contradict the label.
    retryable: memberOf(typed, 'retryable') === true,
    details: { step, ...facts },
    cause: typed,
  });
}

/** Runs steps in order, announces each as it begins, and adds its name to each failure. */
export function stepper<Step extends string>(
  failureClass: FailureClass,
  what: string,
  facts: FailureFacts,
  signal: AbortSignal | undefined,
  onStep: ((step: Step) => void) | undefined,
): <Value>(step: Step, run: () => Value | Promise<Value>) => Promise<Value> {
  return async (step, run) => {
    try {
      signal?.throwIfAborted();
      onStep?.(step);
      return await run();
    } catch (cause) {
      const aborted = signal?.aborted === true && cause === signal.reason;
      throw stepFailure(failureClass, what, step, cause, aborted ? { ...facts, aborted } : facts);
    }
  };
}

/** Waits for both, even if one fails: no job may still use a file that is about to be removed. */
export async function settleBoth<One, Other>(one: Promise<One>, other: Promise<Other>): Promise<[One, Other]> {
  await Promise.allSettled([one, other]);
  return Promise.all([one, other]);
}

/** Returns the hint of the fault itself, if it has one about the right file. `written`: the file that is made. */
function hintFor(cause: unknown, written: readonly unknown[]): string | undefined {
  // mkdir and open say ENOSPC, and SQLite says that it cannot open the copy, also where only the inodes are used up.
  if (errorCode(cause) === 'ENOSPC' || isRefusal(cause)) {
    for (const file of written) {
      const hint = typeof file === 'string' ? noInodeHint(file) : null;
      if (hint !== null) return hint;
    }
  }
  if (lineageOf(cause).length === 0) return undefined;
  // SQLite's error names the file that was read, but the full disk is that of the file that was written.
  if (cause instanceof SqliteFullError) {
    return 'There is no space for the copy: free space on the disk of the destination (for one on another machine, also on that of the database), then try again.';
  }
  const hint: unknown = Reflect.get(cause as object, 'hint');
  return typeof hint === 'string' ? hint : undefined;
}
