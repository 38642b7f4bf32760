/**
 * Shares a few words of memory between the two threads of one job, readable without a turn of the event loop:
 *
 *     state     waiting -> running -> over      (the worker claims, works, and closes its connection)
 *                      \-> cancelled            (the host cancelled it before it began)
 *     abort     0 -> 1                          (the host asks a job to stop between two steps)
 *     answered  counts the answers to progress  (the host raises it after it wrote `pages`)
 *     pages     pages of the next step
 *     close     0 -> granted -> closed          (the host is blocked while the worker closes its connection)
 */
const stateAt = 0;
const abortAt = 1;
const answeredAt = 2;
const pagesAt = 3;
const closeAt = 4;
const words = 5;

const waiting = 0;
const running = 1;
const over = 2;
const cancelled = 3;

const granted = 1;
const closed = 2;

export type SharedState = Int32Array<SharedArrayBuffer>;

export function createSharedState(): SharedState {
  return new Int32Array(new SharedArrayBuffer(words * Int32Array.BYTES_PER_ELEMENT));
}

/** Worker: returns false if the host has cancelled the job. */
export function claim(control: SharedState): boolean {
  return Atomics.compareExchange(control, stateAt, waiting, running) === waiting;
}

/** Host: returns true if the job had not begun, and will never begin. */
export function cancel(control: SharedState): boolean {
  return Atomics.compareExchange(control, stateAt, waiting, cancelled) === waiting;
}

/** Marks the job's connection as closed, and wakes the waiting thread. */
export function markOver(control: SharedState): void {
  Atomics.store(control, stateAt, over);
  Atomics.notify(control, stateAt);
}

/** Blocks the calling thread until a running job is over; false if `timeoutMs` passed first. */
export function waitUntilOver(control: SharedState, timeoutMs: number): boolean {
  return Atomics.wait(control, stateAt, running, timeoutMs) !== 'timed-out';
}

/** Worker: waits until the host is blocked. Closing then cancels no lock of the host. */
export function closeWhileHostWaits(control: SharedState, close: () => void): void {
  Atomics.wait(control, closeAt, 0);
  try {
    close();
  } finally {
    Atomics.store(control, closeAt, closed);
    Atomics.notify(control, closeAt);
  }
}

/** Host: blocks the calling thread until the worker has closed; false if that took longer than `timeoutMs`. */
export function waitWhileClosing(control: SharedState, timeoutMs: number): boolean {
  Atomics.store(control, closeAt, granted);
  Atomics.notify(control, closeAt);
  return Atomics.wait(control, closeAt, granted, timeoutMs) !== 'timed-out';
}

export function requestAbort(control: SharedState): void {
  Atomics.store(control, abortAt, 1);
  Atomics.notify(control, answeredAt);
}

export function isAbortRequested(control: SharedState): boolean {
  return Atomics.load(control, abortAt) === 1;
}

/** Host: answers one progress report. */
export function answer(control: SharedState, pages: number): void {
  Atomics.store(control, pagesAt, pages);
  Atomics.add(control, answeredAt, 1);
  Atomics.notify(control, answeredAt);
}

/** Blocks the worker thread until answer number `expected` arrives; `null` if `timeoutMs` passed first. */
export function waitForAnswer(control: SharedState, expected: number, timeoutMs: number): number | null {
  const seen = Atomics.load(control, answeredAt);
  if (seen < expected && Atomics.wait(control, answeredAt, seen, timeoutMs) === 'timed-out') return null;
  return Atomics.load(control, answeredAt) < expected ? null : Atomics.load(control, pagesAt);
}

/** Blocks the worker thread for a while, or until an abort. */
export function pause(control: SharedState, milliseconds: number): void {
  if (!isAbortRequested(control)) Atomics.wait(control, answeredAt, Atomics.load(control, answeredAt), milliseconds);
}
