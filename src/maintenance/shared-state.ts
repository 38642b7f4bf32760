/**
 * The few words that both threads of one job share, so that each can see the other without a turn of its event loop:
 *
 *     state     waiting -> running -> over      (the worker claims, works, and is done with its connection)
 *                      \-> cancelled            (the host took it back before it began)
 *     abort     0 -> 1                          (the host wants a job to stop that can stop between two steps)
 *     answered  counts the answers to progress  (the host raises it after it wrote `pages`)
 *     pages     how many pages the next step copies
 *     close     0 -> granted -> closed          (the host stands still while the worker closes its connection)
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

/** The worker's: false when the host has cancelled the job. */
export function claim(control: SharedState): boolean {
  return Atomics.compareExchange(control, stateAt, waiting, running) === waiting;
}

/** The host's: true when the job had not begun, and now never will. */
export function cancel(control: SharedState): boolean {
  return Atomics.compareExchange(control, stateAt, waiting, cancelled) === waiting;
}

/** Says that the job's connection is closed, and wakes whoever waits for that. */
export function markOver(control: SharedState): void {
  Atomics.store(control, stateAt, over);
  Atomics.notify(control, stateAt);
}

/** Stops the calling thread until a running job is over; false when `timeoutMs` passed first. */
export function waitUntilOver(control: SharedState, timeoutMs: number): boolean {
  return Atomics.wait(control, stateAt, running, timeoutMs) !== 'timed-out';
}

/** The worker's: waits until the host stands still. What the worker closes then takes no lock of the host away. */
export function closeWhileHostWaits(control: SharedState, close: () => void): void {
  Atomics.wait(control, closeAt, 0);
  try {
    close();
  } finally {
    Atomics.store(control, closeAt, closed);
    Atomics.notify(control, closeAt);
  }
}

/** The host's: stops the calling thread until the worker has closed; false when that took longer than `timeoutMs`. */
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

/** The host's answer to one report of progress. */
export function answer(control: SharedState, pages: number): void {
  Atomics.store(control, pagesAt, pages);
  Atomics.add(control, answeredAt, 1);
  Atomics.notify(control, answeredAt);
}

/** Stops the worker thread until answer number `expected` is there; `null` when `timeoutMs` passed first. */
export function waitForAnswer(control: SharedState, expected: number, timeoutMs: number): number | null {
  const seen = Atomics.load(control, answeredAt);
  if (seen < expected && Atomics.wait(control, answeredAt, seen, timeoutMs) === 'timed-out') return null;
  return Atomics.load(control, answeredAt) < expected ? null : Atomics.load(control, pagesAt);
}

/** Stops the worker thread for a while, shorter when an abort comes. */
export function pause(control: SharedState, milliseconds: number): void {
  if (!isAbortRequested(control)) Atomics.wait(control, answeredAt, Atomics.load(control, answeredAt), milliseconds);
}
