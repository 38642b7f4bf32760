/** Blocks the calling thread. */

/** Waits `milliseconds` without turning the event loop; for synchronous calls that wait for another process. */
export function sleepSync(milliseconds: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds);
}
