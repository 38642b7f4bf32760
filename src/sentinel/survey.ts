/** Scans all descriptors of the process for those that do not belong on a database, some at a time. */
import { fstatSync, readdirSync } from 'node:fs';
import { procFolder } from '../base/proc-folder';
import { performance } from '../base/clock';
import { identityKey } from '../base/file-identity';
import { readFlags } from '../proc/descriptors';
import { openerOf } from '../proc/foreign-descriptors';

/** Descriptors between two readings of the clock: some 50 µs. */
const atOnce = 64;

/** A database, or the `-shm` of one in WAL mode. */
export type WatchedRole = 'database' | 'index';

/** One survey of the thread; it starts again when the last one has ended. */
export class Survey {
  #watched: ReadonlyMap<string, WatchedRole> = new Map();
  #left: readonly string[] = [];
  #next = 0;
  readonly #indexes = new Set<string>();
  #suspects = new Set<string>();
  #running = false;

  get isRunning(): boolean {
    return this.#running;
  }

  /** `watched`: the files that count, by their keys. */
  begin(watched: ReadonlyMap<string, WatchedRole>): void {
    try {
      this.#left = readdirSync(`${procFolder}/self/fd`);
    } catch {
      this.#left = []; // No such system, or no free descriptor for the scan: the next survey tries again.
    }
    this.#watched = watched;
    this.#next = 0;
    this.#suspects = new Set();
    this.#indexes.clear();
    this.#running = true;
  }

  abort(): void {
    this.#running = false;
    this.#left = [];
  }

  /**
   * Continues until `endOfTurn`, in milliseconds of the monotonic clock. Returns the files with a suspicious descriptor
   * once it is complete; null before.
   */
  goOn(endOfTurn: number): ReadonlySet<string> | null {
    while (this.#next < this.#left.length) {
      const end = Math.min(this.#next + atOnce, this.#left.length);
      for (; this.#next < end; this.#next++) this.#look(Number(this.#left[this.#next]));
      if (performance.now() > endOfTurn) return null;
    }
    this.abort();
    return this.#suspects;
  }

  #look(fd: number): void {
    let key: string;
    try {
      key = identityKey(fstatSync(fd, { bigint: true }));
    } catch {
      return; // Closed since the listing.
    }
    const role = this.#watched.get(key);
    if (role === undefined) return;
    if (openerOf(readFlags(fd)) === 'plain') this.#suspects.add(key);
    if (role !== 'index') return;
    // One copy of SQLite opens the -shm once: a second descriptor belongs to another copy, or is being closed.
    if (this.#indexes.has(key)) this.#suspects.add(key);
    this.#indexes.add(key);
  }
}
