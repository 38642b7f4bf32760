/** Enumerates what a disk may hold at each moment of a trace, and numbers it, so that a number brings a state back. */
import { seeded } from '../../faults/random.mts';
import { sectorsOf, type Disk, type Fate, type Pending } from './disk-model.mts';

/** The units in which disks write: old sectors, and those of today and of a page. */
const sectorSizes = [512, 4096];
/** Random combinations at each moment. */
const combinations = 8;

/** One way in which the pending changes of a moment may end. */
export interface Ending {
  readonly label: string;
  readonly fateOf: (change: Pending) => Fate;
}

/**
 * All endings that are tried at one moment; the same for the same moment and seed.
 *
 * `windowEnds`: the next event settles or promises something, so this is the last moment for what is pending now.
 * Between two such moments only the newest change is new; the others had their turn when they were.
 */
export function endingsOf(disk: Disk, moment: number, seed: number, windowEnds: boolean): readonly Ending[] {
  const pending = disk.pending();
  const newest = pending.at(-1);
  if (newest === undefined) return [{ label: 'nothing pending', fateOf: () => 'kept' }];
  const tried = windowEnds ? pending : [newest];
  const next = seeded(seed ^ Math.imul(moment + 1, 0x9e3779b1));
  return [
    ...ends,
    ...(pending.length > 1 ? tried.flatMap(singled) : []),
    ...tried.flatMap(torn),
    ...random(pending, next),
  ];
}

const ends: readonly Ending[] = [
  { label: 'all kept', fateOf: () => 'kept' },
  { label: 'none kept', fateOf: () => 'dropped' },
];

/** The change there alone, missing alone, and the last one of a prefix. */
function singled(change: Pending): Ending[] {
  const name = describe(change);
  return [
    { label: `only ${name}`, fateOf: other => (other === change ? 'kept' : 'dropped') },
    { label: `all but ${name}`, fateOf: other => (other === change ? 'dropped' : 'kept') },
    { label: `up to ${name}`, fateOf: other => (other.id <= change.id ? 'kept' : 'dropped') },
  ];
}

/** A write torn in the units of a disk, with everything else kept; and grown without its data. */
function torn(change: Pending): Ending[] {
  if (change.kind !== 'write') return [];
  const alone = (label: string, fate: Fate): Ending => ({
    label: `${label} of ${describe(change)}`,
    fateOf: other => (other === change ? fate : 'kept'),
  });
  const endings = [alone('size only', 'size only')];
  for (const sectorBytes of sectorSizes) {
    const sectors = sectorsOf(change, sectorBytes);
    if (sectors === 1) continue;
    for (const cut of new Set([1, sectors >> 1, sectors - 1])) {
      const first = `first ${cut} of ${sectors} sectors of ${sectorBytes}`;
      const last = `last ${cut} of ${sectors} sectors of ${sectorBytes}`;
      endings.push(alone(first, { sectorBytes, kept: sector => sector < cut, label: first }));
      endings.push(alone(last, { sectorBytes, kept: sector => sector >= sectors - cut, label: last }));
    }
  }
  return endings;
}

/** What a drive does that writes its cache in an order of its own. */
function random(pending: readonly Pending[], next: () => number): Ending[] {
  if (pending.length === 1 && pending[0]?.kind !== 'write') return [];
  return Array.from({ length: combinations }, (_, index) => {
    const sectorBytes = sectorSizes[index % sectorSizes.length] ?? 512;
    const fates = new Map(pending.map(change => [change, randomFate(change, sectorBytes, next)]));
    return { label: `random combination ${index}`, fateOf: change => fates.get(change) ?? 'dropped' };
  });
}

function randomFate(change: Pending, sectorBytes: number, next: () => number): Fate {
  if (change.kind !== 'write' || next() < 0.5) return next() < 0.5 ? 'kept' : 'dropped';
  const bits = Array.from({ length: sectorsOf(change, sectorBytes) }, () => next() < 0.5);
  return { sectorBytes, kept: sector => bits[sector] === true, label: `${sectorBytes}:${bits.map(Number).join('')}` };
}

export function describe(change: Pending): string {
  switch (change.kind) {
    case 'write':
      return `change ${change.id} (write ${change.offset}+${change.data.length} of file ${change.file.id})`;
    case 'truncate':
      return `change ${change.id} (truncate to ${change.length} of file ${change.file.id})`;
    case 'names':
      return `change ${change.id} (${change.changes.map(([path, file]) => `${path} = ${file === null ? 'gone' : `file ${file.id}`}`).join(', ')})`;
  }
}
