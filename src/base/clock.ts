/**
 * The timers and clocks of Node, taken when this file is loaded.
 *
 * Test runners replace the globals of a running test (`jest.useFakeTimers()`, `vi.useFakeTimers()`, `mock.timers`), and
 * some environments have others from the beginning (jsdom, whose timers are numbers without `unref`). A write that waits
 * for a replaced `setImmediate` never settles, and the age of a file that is measured on a replaced `Date` is wrong. So
 * they come from the modules of Node, and the lint lets no other file of src use the globals.
 */
import * as hooks from 'node:perf_hooks';
import * as timers from 'node:timers';

export const { setTimeout, clearTimeout, setInterval, clearInterval, setImmediate, clearImmediate } = timers;

export const { performance } = hooks;

// oxlint-disable-next-line no-restricted-properties, typescript/unbound-method -- compared, never called
const { nextTick } = process;

/** True while a test runner replaces `process.nextTick`, on which the streams and channels of child processes depend. */
export function isNextTickReplaced(): boolean {
  // oxlint-disable-next-line no-restricted-properties -- compared, never called
  return process.nextTick !== nextTick;
}

const RealDate = Date;

/** Milliseconds since 1970, as the times of files have them. */
export function wallClockNow(): number {
  return RealDate.now();
}

/** The time of day. */
export function currentDate(): Date {
  return new RealDate();
}

/** Runs `task`, which must not throw, behind the code that runs now. `queueMicrotask` is one of the replaced globals. */
export function inMicrotask(task: () => void): void {
  void Promise.resolve().then(task);
}

interface DelayOptions {
  /** Ends the wait: the promise rejects with its reason. */
  readonly signal?: AbortSignal;
  /** False: the process may end meanwhile. Default true. */
  readonly ref?: boolean;
}

/** Resolves after `ms` milliseconds. */
export function delay(ms: number, { signal, ref = true }: DelayOptions = {}): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted === true) return reject(signal.reason);
    const onAbort = (): void => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', onAbort);
      resolve();
    }, ms);
    if (!ref) timer.unref();
    signal?.addEventListener('abort', onAbort, { once: true });
  });
}
