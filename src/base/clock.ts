/**
 * Exports Node's timers and clocks, captured when this file is loaded.
 *
 * Test runners replace the globals during a test (`jest.useFakeTimers()`, `vi.useFakeTimers()`, `mock.timers`), and
 * some environments differ from the start (jsdom, whose timers are numbers without `unref`). A write that waits on a
 * replaced `setImmediate` never settles, and a file age measured with a replaced `Date` is wrong. They are imported
 * from Node's modules instead, and the lint forbids the globals in every other file of src.
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

/** Milliseconds since 1970, as in file timestamps. */
export function wallClockNow(): number {
  return RealDate.now();
}

/** The time of day. */
export function currentDate(): Date {
  return new RealDate();
}

/** Runs `task`, which must not throw, after the current code. `queueMicrotask` is one of the replaced globals. */
export function inMicrotask(task: () => void): void {
  void Promise.resolve().then(task);
}

interface DelayOptions {
  /** Aborts the wait: the promise rejects with the signal's reason. */
  readonly signal?: AbortSignal;
  /** False lets the process exit during the wait. Default true. */
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
