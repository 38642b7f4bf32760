/**
 * Measures the longest stop of the event loop during a backup, and its throughput, with better-sqlite3's own backup
 * beside it in the same process. `node test/backup/stall.mts [megabytes] [folder]`; 1024 is the size that the
 * documentation quotes.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import { backUp, Native } from './fixture.mts';

export interface StallRow {
  readonly way: 'better-sqlite3' | 'vacuum-into' | 'online';
  /** Longest turn of the event loop beyond its timer, in milliseconds. */
  readonly longestStallMs: number;
  readonly durationMs: number;
  readonly megabytesPerSecond: number;
}

export async function measureStalls(megabytes: number, below = tmpdir()): Promise<StallRow[]> {
  const home = mkdtempSync(join(below, 'safe-sqlite-stall-'));
  const db = new Native(join(home, 'a.db'));
  try {
    db.pragma('journal_mode=WAL');
    db.exec(
      'CREATE TABLE item (id INTEGER PRIMARY KEY, body BLOB NOT NULL); CREATE INDEX by_body ON item (substr(body, 1, 8))',
    );
    const insert = db.prepare('INSERT INTO item (body) VALUES (randomblob(3900))');
    // About 4 kB a row, and its index.
    db.transaction(() => {
      for (let row = 0; row < megabytes * 250; row++) insert.run();
    })();
    db.pragma('wal_checkpoint(TRUNCATE)');
    const bytes = Number(db.pragma('page_count', { simple: true })) * 4096;
    const rows: StallRow[] = [];
    for (const way of ['better-sqlite3', 'vacuum-into', 'online'] as const) {
      const destination = join(home, `${way}.db`);
      const started = performance.now();
      const longestStallMs = await stallDuring(() =>
        way === 'better-sqlite3' ? db.backup(destination) : backUp(db, destination, { method: way }),
      );
      const durationMs = performance.now() - started;
      rows.push({ way, longestStallMs, durationMs, megabytesPerSecond: bytes / 1e6 / (durationMs / 1000) });
      rmSync(destination);
    }
    return rows;
  } finally {
    db.close();
    rmSync(home, { recursive: true, force: true });
  }
}

async function stallDuring(run: () => Promise<unknown>): Promise<number> {
  const resolution = 1;
  const histogram = monitorEventLoopDelay({ resolution });
  await delay(50);
  histogram.enable();
  await delay(20);
  await run();
  await delay(20);
  histogram.disable();
  return histogram.max / 1e6 - resolution;
}

if (process.argv[1] === import.meta.filename) {
  console.table(await measureStalls(Number(process.argv[2] ?? 1024), process.argv[3]));
}
