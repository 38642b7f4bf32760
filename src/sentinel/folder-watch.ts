/** Detects changed names in a folder since the last check, with one `stat` instead of one per name. */
import { statSync } from 'node:fs';
import { wallClockNow } from '../base/clock';

interface Stamp {
  readonly dev: number;
  readonly ino: number;
  /** Unlike the modification time it cannot be set by a program (`rsync -a`, `tar`, `touch`). */
  readonly ctimeMs: number;
}

/**
 * Creating, removing or renaming a name changes the status time of its folder (POSIX: `rename`, `unlink`, `link`,
 * `open` with O_CREAT). Two changes within one tick of the filesystem's clock leave the same time: at most 10 ms on
 * filesystems with fractions of a second, at most 2 s on others (FAT). A time therefore counts only if it was older
 * than this, in milliseconds, at the check: much older, because the ticks of a virtual machine may be late.
 */
const settledAfterMs = { parts: 500, seconds: 3000 };

/**
 * Use it in this order: `mayHaveChanged()`, the check of the names, and `trust()` if all were right. The next call then
 * detects a change between the first two.
 *
 * It does not detect a mount over one of the files.
 */
export class FolderWatch {
  readonly #folder: string;
  #seen: Stamp | null = null;
  #trusted: Stamp | null = null;

  constructor(folder: string) {
    this.#folder = folder;
  }

  mayHaveChanged(): boolean {
    const now = stampOf(this.#folder);
    if (this.#trusted !== null && now !== null && isSame(now, this.#trusted)) return false;
    this.#trusted = null;
    this.#seen = now;
    return true;
  }

  trust(): void {
    if (this.#seen !== null && isSettled(this.#seen.ctimeMs, wallClockNow())) this.#trusted = this.#seen;
  }
}

/**
 * True if a later change certainly leaves another time than `ctimeMs`. A time in the future means that a clock is
 * wrong.
 */
export function isSettled(ctimeMs: number, nowMs: number): boolean {
  return nowMs - ctimeMs > (ctimeMs % 1000 === 0 ? settledAfterMs.seconds : settledAfterMs.parts);
}

const options = { throwIfNoEntry: false } as const;

function stampOf(folder: string): Stamp | null {
  // Folders have no such time there.
  if (process.platform === 'win32') return null;
  try {
    const stats = statSync(folder, options);
    // A number that does not fit into a double might be that of two folders.
    return stats === undefined || !Number.isSafeInteger(stats.ino) ? null : stats;
  } catch {
    return null;
  }
}

function isSame(one: Stamp, other: Stamp): boolean {
  return one.ctimeMs === other.ctimeMs && one.ino === other.ino && one.dev === other.dev;
}
