/** Formats numbers, sizes and ages for people. */

const units = ['bytes', 'kB', 'MB', 'GB', 'TB'] as const;

/** 1500 -> `1.5 kB`: powers of ten, as disk vendors and `ls --si` use. */
export function formatBytes(bytes: number): string {
  const power = bytes < 1000 ? 0 : Math.min(units.length - 1, Math.floor(Math.log10(bytes) / 3));
  const value = bytes / 1000 ** power;
  return `${power === 0 ? value : value.toFixed(1)} ${units[power]}`;
}

export function formatDuration(milliseconds: number): string {
  return milliseconds < 1000 ? `${Math.round(milliseconds)} ms` : `${(milliseconds / 1000).toFixed(1)} s`;
}

/** `count(1, 'frame')` -> `1 frame`, `count(2, 'frame')` -> `2 frames`. */
export function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : noun.endsWith('s') ? 'es' : 's'}`;
}

const ageUnits = [
  { ms: 86_400_000, noun: 'day' },
  { ms: 3_600_000, noun: 'hour' },
  { ms: 60_000, noun: 'minute' },
  { ms: 1000, noun: 'second' },
] as const;

/** `3 days`: uses the largest unit that fits. */
export function formatAge(milliseconds: number): string {
  const unit = ageUnits.find(({ ms }) => milliseconds >= ms) ?? ageUnits[3];
  return count(Math.max(0, Math.floor(milliseconds / unit.ms)), unit.noun);
}

/** Describes the result of a foreign key check. */
export function danglingRows(number: number): string {
  return number === 1 ? '1 row refers to a row that does not exist' : `${number} rows refer to rows that do not exist`;
}

/** Describes the rows that violate a CHECK constraint. */
export function violatingRows(number: number): string {
  return number === 1 ? '1 row violates a CHECK constraint' : `${number} rows violate a CHECK constraint`;
}
