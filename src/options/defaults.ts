/** Defines every default in one literal. */

const MiB = 1024 * 1024;
const hourMs = 3_600_000;

export const defaults = {
  /** As in better-sqlite3. */
  timeout: 5000,
  checkpoint: {
    /**
     * 1000 pages of 4096 bytes, the threshold of SQLite's own automatic checkpoint. https://sqlite.org/wal.html#ckpt
     */
    walBytes: 1000 * 4096,
    /** Bounds how long the last commits of an idle database stay in the WAL, and with it recovery after a crash. */
    intervalMs: 30_000,
    /**
     * Returns the space of a WAL grown by a burst to the filesystem; a WAL of ordinary size is reused, which is faster.
     */
    truncateAboveBytes: 64 * MiB,
  },
  sentinel: { intervalMs: 1000, onCommit: true },
  writes: {
    /** Beyond some hundred writes a commit gains nothing more, and the event loop is blocked for longer. */
    maxBatch: 256,
    /** A request that arrives during a batch waits no longer than for a commit on a slow disk. */
    maxBatchMs: 10,
    maxQueued: 10_000,
    /** More than ten minutes with the delays below, so `timeoutMs` is normally reached first. */
    retries: 10_000,
    minDelayMs: 2,
    maxDelayMs: 100,
  },
  readers: {
    /** Starting a process takes a tenth of a second; an idle one uses some 60 MB. */
    idleMs: 60_000,
    /** A read pins the WAL, which cannot be reset meanwhile. */
    timeoutMs: 30_000,
    maxQueued: 1000,
    memoryBytes: 512 * MiB,
  },
  backup: { intervalMs: hourMs, keep: { newest: 24, daily: 7, weekly: 4 } },
} as const;
