/** Lists filesystem types with their properties, what SQLite can do on each, and why. Data and two look-ups. */
import { darwinFilesystems } from './darwin';
import { fuseFilesystems } from './fuse';
import { localFilesystems } from './local';
import { sharedFilesystems } from './shared';
import type { CatalogueRow } from './rows';
import type { GroundVerdict } from '../report';

/** Every type that Linux mounts. */
export const linuxFilesystems: readonly CatalogueRow[] = [
  ...localFilesystems,
  ...sharedFilesystems,
  ...fuseFilesystems,
];

/** All rows, of all platforms. */
export const catalogue: readonly CatalogueRow[] = [...linuxFilesystems, ...darwinFilesystems];

const linuxByType = indexByType(linuxFilesystems);
const darwinByType = indexByType(darwinFilesystems);

function indexByType(rows: readonly CatalogueRow[]): ReadonlyMap<string, CatalogueRow> {
  return new Map(rows.flatMap(row => row.types.map(type => [type, row] as const)));
}

/** The row of a type name as the mount table prints it. */
export function rowOfType(type: string, platform: 'linux' | 'darwin'): CatalogueRow | null {
  return (platform === 'linux' ? linuxByType : darwinByType).get(type) ?? null;
}

/** The rows of Linux that share an `f_type`. */
export function rowsOfMagic(magic: number): readonly CatalogueRow[] {
  return linuxFilesystems.filter(row => row.magics.includes(magic));
}

const strictness: readonly GroundVerdict[] = ['wal', 'rollback', 'read-only', 'refuse'];

/** Negative when `left` allows more than `right`. */
export function compareStrictness(left: GroundVerdict, right: GroundVerdict): number {
  return strictness.indexOf(left) - strictness.indexOf(right);
}
