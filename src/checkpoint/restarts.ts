/** Whether the WAL starts over behind a `finish`, told by what is seen of it later. */
import type { WalState } from './wal-status';

export class Restarts {
  /** Bytes of the WAL after which it must start over; `null` when nothing was finished. */
  #finishedAt: number | null = null;
  #restarts = 0;

  /** All was copied and nobody of this thread wrote meanwhile; `null`: not all. */
  expectAfter(walBytes: number | null): void {
    this.#finishedAt = walBytes;
  }

  /** `restarts`: how often the WAL was seen to have started over. `'pinned'`: SQLite has appended to what was finished. */
  judge({ walBytes, exact }: WalState, restarts: number): 'restarted' | 'pinned' | 'undecided' {
    const restarted = restarts > this.#restarts;
    const appended = exact && this.#finishedAt !== null && walBytes > this.#finishedAt;
    this.#restarts = restarts;
    if (restarted || appended) this.#finishedAt = null;
    if (restarted) return 'restarted';
    return appended ? 'pinned' : 'undecided';
  }
}
