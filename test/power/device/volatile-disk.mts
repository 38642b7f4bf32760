/** A disk with a write cache that forgets: what was not flushed when the power goes is kept, lost or torn as a seed says. */
import { seeded } from '../../faults/random.mts';

interface CachedWrite {
  readonly offset: number;
  readonly data: Buffer;
  /** Written through (FUA): on the disk, whatever becomes of the others. */
  readonly throughCache: boolean;
}

/** What the cache did with its content when the power went. */
export interface Outcome {
  /** `'prefix'`: the first so many writes in their order; `'subset'`: each sector by itself, in any order. */
  readonly mode: 'none' | 'prefix' | 'subset' | 'all';
  /** The unit that is written whole, in bytes. */
  readonly sectorBytes: number;
  readonly seed: number;
}

export interface VolatileDisk {
  readonly bytes: number;
  read(offset: number, length: number): Buffer;
  write(offset: number, data: Buffer, throughCache: boolean): void;
  flush(): void;
  /** Writes that a power cut would put at risk now. */
  atRisk(): number;
  /** What the disk holds after a power cut now. The disk itself stays as it is. */
  survivor(outcome: Outcome): Buffer;
}

export function createVolatileDisk(content: Buffer): VolatileDisk {
  const current = Buffer.from(content);
  const stable = Buffer.from(content);
  let cache: CachedWrite[] = [];
  return {
    bytes: content.length,
    read: (offset, length) => current.subarray(offset, offset + length),
    write(offset, data, throughCache) {
      data.copy(current, offset);
      // Also one that went through stays in the order of the cache, or an older write would come out over it.
      cache.push({ offset, data, throughCache });
    },
    flush() {
      for (const { offset, data } of cache) data.copy(stable, offset);
      cache = [];
    },
    atRisk: () => cache.filter(({ throughCache }) => !throughCache).length,
    survivor(outcome) {
      const image = Buffer.from(stable);
      const random = seeded(outcome.seed);
      const whole = outcome.mode === 'prefix' ? Math.floor(random() * (cache.length + 1)) : 0;
      cache.forEach(({ offset, data, throughCache }, index) => {
        const kept = throughCache || outcome.mode === 'all' || index < whole;
        if (kept) data.copy(image, offset);
        // The write at which the power went is torn in a prefix too.
        else if (outcome.mode === 'subset' || (outcome.mode === 'prefix' && index === whole))
          keepSome(image, offset, data, outcome.sectorBytes, random);
      });
      return image;
    },
  };
}

function keepSome(image: Buffer, offset: number, data: Buffer, sectorBytes: number, random: () => number): void {
  for (let from = 0; from < data.length; from += sectorBytes - ((offset + from) % sectorBytes)) {
    const to = Math.min(data.length, from + sectorBytes - ((offset + from) % sectorBytes));
    if (random() < 0.5) data.copy(image, offset + from, from, to);
  }
}
