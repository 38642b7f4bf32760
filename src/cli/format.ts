/** Figures as people read them. */

const units = ['bytes', 'kB', 'MB', 'GB', 'TB'] as const;

/** 1500 -> `1.5 kB`: powers of ten, as disks are sold and `ls --si` has them. */
export function formatBytes(bytes: number): string {
  const power = bytes < 1000 ? 0 : Math.min(units.length - 1, Math.floor(Math.log10(bytes) / 3));
  const value = bytes / 1000 ** power;
  return `${power === 0 ? value : value.toFixed(1)} ${units[power]}`;
}

export function formatDuration(milliseconds: number): string {
  return milliseconds < 1000 ? `${Math.round(milliseconds)} ms` : `${(milliseconds / 1000).toFixed(1)} s`;
}

/** `[######----]  60 %`, `columns` wide without the figure. */
export function formatBar(done: number, columns: number): string {
  const share = Math.max(0, Math.min(1, done));
  const filled = Math.round(share * columns);
  return `[${'#'.repeat(filled)}${'-'.repeat(columns - filled)}] ${String(Math.floor(share * 100)).padStart(3)} %`;
}
