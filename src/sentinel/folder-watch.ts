/** Whether a name in a folder may have changed since all were looked at: one `stat` instead of one for each name. */
import { statSync } from 'node:fs';
import { wallClockNow } from '../base/clock';

interface Stamp {
  readonly dev: number;
  readonly ino: number;
  /** Unlike the modification time it cannot be set by a program (`rsync -a`, `tar`, `touch`). */
  readonly ctimeMs: number;
}

/**
 * Whatever makes, removes or renames a name changes the status time of its folder (POSIX: `rename`, `unlink`, `link`,
 * `open` with O_CREAT). Two changes within one tick of the filesystem's clock leave the same time: at most 10 ms where it
 * tells parts of a second, at most 2 s where it does not (FAT). So a time counts only when it was older than this, in
 * milliseconds, at the moment of the look: much older, because the ticks of a virtual machine may come late.
 */
const settledAfterMs = { parts: 500, seconds: 3000 };

/**
 * Use it in this order: `mayHaveChanged()`, the look at the names, and `trust()` when all were right. A change between the
 * first two is then seen by the next call.
 *
 * It does not see a mount over one of the files.
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

/** Whether a later change is certain to leave another time than `ctimeMs`. One in the future says that a clock is wrong. */
export function isSettled(ctimeMs: number, nowMs: number): boolean {
  return nowMs - ctimeMs > (ctimeMs % 1000 === 0 ? settledAfterMs.seconds : settledAfterMs.parts);
}

const options = { throwIfNoEntry: false } as const;

function stampOf(folder: string): Stamp | null {
  // There a folder has no such time.
  if (process.platform === 'win32') return null;
  try {
    const stats = statSync(folder, options);
    // A number that a double cannot hold might be that of two folders.
    return stats === undefined || !Number.isSafeInteger(stats.ino) ? null : stats;
  } catch {
    return null;
  }
}

function isSame(one: Stamp, other: Stamp): boolean {
  return one.ctimeMs === other.ctimeMs && one.ino === other.ino && one.dev === other.dev;
}
