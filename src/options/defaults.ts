/** The one literal of defaults. */

const MiB = 1024 * 1024;
const hourMs = 3_600_000;

export const defaults = {
  /** As better-sqlite3. */
  timeout: 5000,
  checkpoint: {
    /** 1000 pages of 4096 bytes: what SQLite's own automatic checkpoint waits for. https://sqlite.org/wal.html#ckpt */
    walBytes: 1000 * 4096,
    /** A quiet database should not keep its last commits in the WAL for long: recovery after a crash stays short. */
    intervalMs: 30_000,
    /** A WAL that one burst made large is given back to the filesystem; ordinary ones are reused, which is faster. */
    truncateAboveBytes: 64 * MiB,
  },
  sentinel: { intervalMs: 1000, onCommit: true },
  writes: {
    /** Beyond some hundred members a commit gains nothing more, and the loop is held for longer. */
    maxBatch: 256,
    /** A request that comes meanwhile waits for no longer than for a commit on a slow disk. */
    maxBatchMs: 10,
    maxQueued: 10_000,
    /** More than ten minutes with the delays below: the time is what a service thinks in. */
    retries: 10_000,
    minDelayMs: 2,
    maxDelayMs: 100,
  },
  readers: {
    /** A start costs a tenth of a second, a process at rest some 60 MB. */
    idleMs: 60_000,
    /** What reads pins the WAL: it cannot start over meanwhile. */
    timeoutMs: 30_000,
    maxQueued: 1000,
    memoryBytes: 512 * MiB,
  },
  backup: { intervalMs: hourMs, keep: { newest: 24, daily: 7, weekly: 4 } },
} as const;
