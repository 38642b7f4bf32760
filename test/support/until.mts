/** Waits for what another thread, process or timer brings about. */
import { setImmediate as turn, setTimeout as delay } from 'node:timers/promises';

export interface UntilOptions {
  /** Milliseconds between two checks; 0 checks at each turn of the event loop. Default 5. */
  readonly everyMs?: number;
}

/** So late on no machine: what has not come by then does not come. */
const limitMs = 120_000;

/** Resolves when `holds()` is true; rejects where that never comes, so that a test fails and says for what it waited. */
export async function until(
  holds: () => boolean | Promise<boolean>,
  what: string,
  { everyMs = 5 }: UntilOptions = {},
): Promise<void> {
  const end = performance.now() + limitMs;
  while (!(await holds())) {
    if (performance.now() > end) throw new Error(`Waited ${limitMs / 1000} s in vain until ${what}.`);
    await (everyMs === 0 ? turn() : delay(everyMs));
  }
}
