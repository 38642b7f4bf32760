/**
 * Measures the effect of checkpoints on the latency of commits and to the event loop: better-sqlite3's automatic
 * checkpoint, which runs inside a commit, against the scheduler of this library, on the disk as it is and with slower
 * syncs.
 *
 *     node bench/checkpoint-latency.mts [rounds] [seconds]
 *
 * It writes bench/results/checkpoint-latency.json, of which scripts/checkpoint-latency-page.mjs makes the page.
 *
 * Steady: one transaction in each period, as a server has them. Saturated: one after the other, as fast as they go.
 */
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import BetterSqlite3 from 'better-sqlite3';
import { faultsSkip } from '../test/support/fault-shim.mts';
import { runWithSlowFsync } from '../test/faults/slow-fsync.mts';
import SafeSqlite from 'safe-sqlite';
import { describeMachine } from './machine.mts';
import { median } from './paired.mts';

type Subject = 'raw' | 'ours';
type Load = 'steady' | 'saturated';

/** What one process measured. */
interface Run {
  /** ms of each transaction, its COMMIT included. */
  readonly times: readonly number[];
  readonly elapsedMs: number;
  /** ms: the longest time in which the event loop did not turn. */
  readonly longestStall: number;
  /** Largest `-wal` on the way, in bytes. */
  readonly walBytes: number;
}

/** All rounds of one subject together; ms. */
interface Summary {
  readonly commits: number;
  readonly perSecond: number;
  readonly p50: number;
  readonly p99: number;
  readonly p999: number;
  readonly max: number;
  /** Median over the rounds. */
  readonly longestStall: number;
  readonly walBytes: number;
}

/** Rows of some 400 bytes with an index: larger than the cache, so that checkpoints write all over the file. */
const rows = 60_000;
/** Some 60 pages a transaction: an automatic checkpoint after every 16th. */
const rowsInTransaction = 24;

async function measure(subject: Subject, load: Load, seconds: number, periodMs: number): Promise<Run> {
  const folder = mkdtempSync(join(tmpdir(), 'bench-checkpoint-'));
  const file = join(folder, 'a.db');
  const db: BetterSqlite3.Database =
    subject === 'raw'
      ? new BetterSqlite3(file)
      : (new SafeSqlite(file, { logger: false }) as unknown as BetterSqlite3.Database);
  if (subject === 'raw') {
    db.pragma('journal_mode = WAL');
    db.pragma('synchronous = FULL');
  }
  try {
    return await underLoad(db, { load, seconds, periodMs });
  } finally {
    db.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function underLoad(
  db: BetterSqlite3.Database,
  { load, seconds, periodMs }: { load: Load; seconds: number; periodMs: number },
): Promise<Run> {
  db.exec('CREATE TABLE t (id INTEGER PRIMARY KEY, k INTEGER, a BLOB); CREATE INDEX i ON t (k)');
  db.exec(
    `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${rows})
     INSERT INTO t (k, a) SELECT abs(random()) % 1000000, randomblob(400) FROM n`,
  );
  db.pragma('wal_checkpoint(TRUNCATE)');
  const update = db.prepare(
    `UPDATE t SET a = randomblob(400), k = abs(random()) % 1000000 WHERE id = abs(random()) % ${rows} + 1`,
  );
  const transaction = db.transaction(() => {
    for (let row = 0; row < rowsInTransaction; row += 1) update.run();
  });
  const times: number[] = [];
  let walBytes = 0;
  const turn = (): Promise<void> =>
    new Promise(resolve => (load === 'saturated' ? setImmediate(resolve) : setTimeout(resolve, periodMs)));
  const loop = monitorEventLoopDelay({ resolution: 1 });
  await turn();
  loop.enable();
  const start = performance.now();
  while (performance.now() - start < seconds * 1000) {
    const begin = performance.now();
    transaction();
    times.push(performance.now() - begin);
    if (times.length % 16 === 0) walBytes = Math.max(walBytes, statSync(`${db.name}-wal`).size);
    await turn();
  }
  const elapsedMs = performance.now() - start;
  loop.disable();
  return { times: times.map(round), elapsedMs, longestStall: round(loop.max / 1e6), walBytes };
}

function summarize(runs: readonly Run[]): Summary {
  const sorted = runs.flatMap(({ times }) => times).toSorted((a, b) => a - b);
  const elapsedMs = runs.reduce((sum, run) => sum + run.elapsedMs, 0);
  const quantile = (share: number): number =>
    sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN;
  return {
    commits: sorted.length,
    perSecond: round((sorted.length / elapsedMs) * 1000),
    p50: quantile(0.5),
    p99: quantile(0.99),
    p999: quantile(0.999),
    max: quantile(1),
    longestStall: median(runs.map(run => run.longestStall)),
    walBytes: Math.max(...runs.map(run => run.walBytes)),
  };
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}

/** Each run is a process of its own, so that neither finds a warm compiler or the threads of the other. */
async function inChild(syncMs: number, subject: Subject, load: Load, seconds: number, periodMs: number): Promise<Run> {
  const args = ['--run', subject, load, String(seconds), String(periodMs)];
  if (syncMs === 0) return JSON.parse(await plain(args)) as Run;
  const { stdout } = await runWithSlowFsync(import.meta.filename, syncMs, { args, path: '*/bench-checkpoint-*' });
  return JSON.parse(stdout) as Run;
}

function plain(args: readonly string[]): Promise<string> {
  const child = spawn(process.execPath, [import.meta.filename, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
  let stdout = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  return new Promise(resolve => child.on('close', () => resolve(stdout)));
}

/** ms added to each sync, and a period in which the disk is busy for some half of the time. */
const disks = [
  { name: 'this disk', syncMs: 0, periodMs: 5 },
  { name: 'syncs + 2 ms', syncMs: 2, periodMs: 10 },
  { name: 'syncs + 10 ms', syncMs: 10, periodMs: 30 },
] as const;

async function main(rounds: number, seconds: number): Promise<void> {
  const skip = faultsSkip();
  const results: object[] = [];
  for (const { name, syncMs, periodMs } of disks) {
    if (syncMs > 0 && skip !== false) {
      console.error(`${name}: left out, ${skip}`);
      continue;
    }
    for (const load of ['steady', 'saturated'] as const) {
      const runs: Record<Subject, Run[]> = { raw: [], ours: [] };
      for (let number = 0; number < rounds; number += 1) {
        // The one that goes first changes: whatever else the machine does hits both.
        const order: Subject[] = number % 2 === 0 ? ['raw', 'ours'] : ['ours', 'raw'];
        for (const subject of order) runs[subject].push(await inChild(syncMs, subject, load, seconds, periodMs));
      }
      const raw = summarize(runs.raw);
      const ours = summarize(runs.ours);
      const ratio = (key: keyof Summary): number => round(ours[key] / raw[key]);
      const ratios = {
        perSecond: ratio('perSecond'),
        p50: ratio('p50'),
        p99: ratio('p99'),
        p999: ratio('p999'),
        longestStall: ratio('longestStall'),
      };
      results.push({ disk: name, syncMs, periodMs, load, raw, ours, ratios });
      print(`${name}, ${load}`, raw, ours, ratios);
    }
  }
  const folder = join(import.meta.dirname, 'results');
  mkdirSync(folder, { recursive: true });
  const page = { takenAt: new Date().toISOString(), machine: describeMachine(), rounds, seconds, rows: results };
  writeFileSync(join(folder, 'checkpoint-latency.json'), `${JSON.stringify(page, null, 2)}\n`);
}

function print(title: string, raw: Summary, ours: Summary, ratios: Record<string, number>): void {
  console.log(`\n${title}`);
  const keys = ['perSecond', 'p50', 'p99', 'p999', 'max', 'longestStall', 'walBytes'] as const;
  console.log(`${''.padEnd(6)}${keys.map(key => key.padStart(14)).join('')}`);
  for (const [name, run] of [
    ['raw', raw],
    ['ours', ours],
  ] as const) {
    console.log(`${name.padEnd(6)}${keys.map(key => String(run[key]).padStart(14)).join('')}`);
  }
  console.log(
    `ours/raw ${Object.entries(ratios)
      .map(([key, ratio]) => `${key} ${ratio}`)
      .join(', ')}`,
  );
}

const [first, subject, load, seconds, periodMs] = process.argv.slice(2);
if (first === '--run') {
  console.log(JSON.stringify(await measure(subject as Subject, load as Load, Number(seconds), Number(periodMs))));
} else {
  const numbers = process.argv.slice(2).map(Number).filter(Number.isFinite);
  await main(numbers[0] ?? 3, numbers[1] ?? 4);
}
