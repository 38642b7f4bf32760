/** Decides which faults come when in a soak: drawn with a seed, so that the same soak has the same weather; pure. */
import type { FaultRule } from '../support/fault-shim.mts';

/** `'dead disk'` fences the database; the others pass. */
export type FaultKind = 'slow disk' | 'full disk' | 'full database' | 'dead disk';

/** But for a dead disk. */
export const longestSpellMs = 3000;

export interface Spell {
  readonly kind: FaultKind;
  /** Quiet time before it. */
  readonly calmMs: number;
  readonly lastsMs: number;
  readonly rules: (file: string) => readonly FaultRule[];
}

const syncs = ['fsync', 'fdatasync'] as const;

const rulesOf: Readonly<Record<FaultKind, (random: () => number) => Spell['rules']>> = {
  'slow disk': random => {
    const slowMs = 5 + Math.floor(random() * 60);
    return file => [{ calls: syncs, path: `${file}*`, count: 'all', action: { slowMs } }];
  },
  'full disk': () => file => [{ calls: 'write', path: `${file}-wal`, count: 'all', action: { fail: 'ENOSPC' } }],
  'full database': () => file => [{ calls: 'write', path: file, count: 'all', action: { fail: 'ENOSPC' } }],
  'dead disk': random => {
    const nth = 1 + Math.floor(random() * 20);
    return file => [{ calls: syncs, path: `${file}-wal`, nth, count: 'all', action: { fail: 'EIO' } }];
  },
};

const passing = ['slow disk', 'full disk', 'full database'] as const;

/**
 * The n-th spell, from 0. The second one is the first that fences, so that also a short soak has one;
 * then each `deadEvery`-th.
 */
export function spellAt(index: number, random: () => number, deadEvery: number): Spell {
  const kind = index % deadEvery === 1 ? 'dead disk' : passing[index % passing.length]!;
  return {
    kind,
    calmMs: 4000 + Math.floor(random() * 4000),
    // A dead disk stays dead until an operator replaces it.
    lastsMs: kind === 'dead disk' ? 20_000 : 1000 + Math.floor(random() * (longestSpellMs - 1000)),
    rules: rulesOf[kind](random),
  };
}
