/** Random numbers that a seed brings back, so that one printed command repeats a run. */

/** mulberry32: 32 bits of state are plenty to choose cells and moments with. */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

/** A seed for a run that was given none; printed with what it found. */
export function freshSeed(): number {
  return Math.floor(Math.random() * 0xffffffff);
}
