/** Measures how long the event loop is blocked while another process holds the write lock. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import BetterSqlite3 from 'better-sqlite3';
import { Database } from 'safe-sqlite';
import { startScenario } from '../../test/support/fault-shim.mts';

export interface Stall {
  readonly subject: 'raw better-sqlite3' | 'safe-sqlite';
  /** How long the other process held the lock. */
  readonly heldMs: number;
  /** From the call to its answer. */
  readonly answeredMs: number;
  readonly longestStallMs: number;
}

export async function measureContention(heldMs: number): Promise<Stall[]> {
  const folder = mkdtempSync(join(tmpdir(), 'bench-'));
  const file = join(folder, 't.db');
  const ours = new Database(file, { logger: false });
  ours.exec('CREATE TABLE t (x)');
  const raw = new BetterSqlite3(file);
  const locker = startScenario(join(import.meta.dirname, '../../test/writes/locker.scenario.mts'));
  try {
    await locker.ask('open', file);
    const insert = ours.prepare('INSERT INTO t VALUES (1)');
    const subjects = [
      { subject: 'raw better-sqlite3', write: async () => raw.prepare('INSERT INTO t VALUES (1)').run() },
      { subject: 'safe-sqlite', write: () => ours.write(() => insert.run()) },
    ] as const;
    const stalls: Stall[] = [];
    for (const { subject, write } of subjects) {
      await locker.ask('holdFor', heldMs);
      stalls.push({ subject, heldMs, ...(await watch(write)) });
    }
    return stalls;
  } finally {
    locker.kill();
    await locker.ended;
    raw.close();
    ours.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** A timer of one millisecond sees how long nothing else could run. */
async function watch(write: () => Promise<unknown>): Promise<Pick<Stall, 'answeredMs' | 'longestStallMs'>> {
  const start = performance.now();
  let last = start;
  let longestStallMs = 0;
  const tick = (): void => {
    const now = performance.now();
    longestStallMs = Math.max(longestStallMs, now - last);
    last = now;
  };
  const timer = setInterval(tick, 1);
  await write();
  tick();
  clearInterval(timer);
  return { answeredMs: performance.now() - start, longestStallMs };
}
