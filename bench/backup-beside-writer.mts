/**
 * Measures how long a backup takes while another process commits every 5 ms, against the same backup without it.
 *
 *     node bench/backup-beside-writer.mts [accounts] [rounds]
 *
 * 100000 accounts make some 60 MB. Both are measured in turns, so that whatever else the machine does hits both alike.
 * better-sqlite3's own backup starts again at each commit: it is stopped after twenty times the time without a writer.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import BetterSqlite3 from 'better-sqlite3';
import SafeSqlite from 'safe-sqlite';
import { bank, startWriter } from '../test/backup/fixture.mts';
import { median } from './paired.mts';

/** Milliseconds of each backup without and with the writer, and what it committed meanwhile. */
interface Pair {
  readonly idleMs: number;
  readonly busyMs: number;
  readonly commits: number;
}

const patience = 20;

async function measurePair(file: string, way: string, backUp: (limitMs: number) => Promise<unknown>): Promise<Pair> {
  const idleMs = await timed(() => backUp(Infinity));
  const ends: (() => void)[] = [];
  const writer = await startWriter({ after: end => ends.push(end as () => void) }, file, 5);
  const before = writer.commits();
  const busyMs = await timed(() => backUp(way === 'better-sqlite3' ? patience * idleMs : Infinity));
  const commits = writer.commits() - before;
  await writer.stop();
  for (const end of ends) end();
  return { idleMs, busyMs, commits };
}

async function timed(run: () => Promise<unknown>): Promise<number> {
  const started = performance.now();
  try {
    await run();
  } catch (error) {
    if (error !== outOfPatience) throw error;
    return Infinity;
  }
  return performance.now() - started;
}

const outOfPatience = new Error('better-sqlite3 did not end in time');

const [accounts = 100_000, rounds = 3] = process.argv.slice(2).map(Number);
const home = mkdtempSync(join(tmpdir(), 'bench-backup-'));
const ends: (() => void)[] = [];
try {
  console.log('journal  way                idle ms   beside ms   ratio   commits meanwhile');
  for (const [journal, journalMode] of [
    ['wal', 'wal'],
    ['delete', 'rollback'],
  ] as const) {
    const file = join(home, `${journal}.db`);
    bank({ after: end => ends.push(end as () => void) }, file, journal, accounts).close();
    const raw = new BetterSqlite3(file, { timeout: 10_000 });
    const safe = new SafeSqlite(file, { logger: false, timeout: 10_000, journalMode });
    const to = join(home, 'copy.db');
    for (const way of ['better-sqlite3', 'vacuum-into', 'online'] as const) {
      const backUp = async (limitMs: number): Promise<unknown> => {
        rmSync(to, { force: true });
        if (way !== 'better-sqlite3') return safe.backup(to, { method: way });
        const started = performance.now();
        return raw.backup(to, {
          progress: () => {
            if (performance.now() - started > limitMs) throw outOfPatience;
            return 100;
          },
        });
      };
      const pairs: Pair[] = [];
      for (let round = 0; round < rounds; round += 1) pairs.push(await measurePair(file, way, backUp));
      const of = (figure: (pair: Pair) => number): number => median(pairs.map(figure));
      const busy = of(pair => pair.busyMs);
      const figures = [
        of(pair => pair.idleMs)
          .toFixed(0)
          .padStart(9),
        (Number.isFinite(busy) ? busy.toFixed(0) : 'no end').padStart(12),
        of(pair => pair.busyMs / pair.idleMs)
          .toFixed(2)
          .padStart(8),
        String(of(pair => pair.commits)).padStart(20),
      ];
      console.log(`${journal.padEnd(9)}${way.padEnd(17)}${figures.join('')}`);
    }
    raw.close();
    safe.close();
  }
} finally {
  for (const end of ends) end();
  rmSync(home, { recursive: true, force: true });
}
