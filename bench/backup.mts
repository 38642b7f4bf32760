/**
 * Backups beside better-sqlite3's own: throughput, and how long the event loop stands still.
 *
 *     node bench/backup.mts [megabytes] [rounds] [folder]
 *
 * 1024 megabytes, 3 rounds, and the folder for temporary files unless you say otherwise. It needs twice the space.
 */
import { createHash } from 'node:crypto';
import { closeSync, fsyncSync, mkdtempSync, openSync, readSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import BetterSqlite3 from 'better-sqlite3';
import SafeSqlite from 'safe-sqlite';
import { lengthOf, longestOwn, withWitness } from './backup/loop-watch.mts';
import { workOfTwoThreads } from './backup/processors.mts';
import { median } from './paired.mts';

export interface BackupRow {
  readonly way: string;
  readonly seconds: number;
  readonly megabytesPerSecond: number;
  /** Median of throughput / throughput of raw in the same round. */
  readonly ofRaw: number;
  /** Longest stop of the event loop, in milliseconds: here, in an idle process beside it, and what only this one had. */
  readonly stallMs: number;
  readonly besideMs: number;
  readonly ownMs: number;
}

/** What each way promises when it is done is in docs/backups.md, with the figures. */
const ways: Record<string, (subjects: Subjects, to: string) => Promise<unknown>> = {
  'better-sqlite3': ({ raw }, to) => raw.backup(to),
  'better-sqlite3, checked': async ({ raw }, to) => {
    await raw.backup(to);
    checkAlone(to);
  },
  'safe-sqlite': ({ safe }, to) => safe.backup(to),
  'safe-sqlite, online': ({ safe }, to) => safe.backup(to, { method: 'online' }),
  'safe-sqlite, unchecked': ({ safe }, to) => safe.backup(to, { verify: 'off' }),
};

interface Subjects {
  readonly raw: BetterSqlite3.Database;
  readonly safe: InstanceType<typeof SafeSqlite>;
}

/** What better-sqlite3 leaves to the application: `backup()` syncs the file; the folder, the check and the hash are missing. */
function checkAlone(file: string): void {
  // Read-write, because the copy says WAL: a read-only connection would leave a -wal and a -shm beside it.
  const copy = new BetterSqlite3(file);
  if (copy.pragma('quick_check', { simple: true }) !== 'ok') throw new Error(`${file} is damaged`);
  copy.close();
  const sha256 = createHash('sha256');
  const descriptor = openSync(file, 'r');
  const chunk = Buffer.allocUnsafe(1_048_576);
  for (let at = 0, length; (length = readSync(descriptor, chunk, 0, chunk.length, at)) > 0; at += length) {
    sha256.update(chunk.subarray(0, length));
  }
  closeSync(descriptor);
  sha256.digest('hex');
  // Windows syncs no folders.
  if (process.platform === 'win32') return;
  const folder = openSync(dirname(file), 'r');
  fsyncSync(folder);
  closeSync(folder);
}

/** Rows of about 4 kB, with an index. */
function fill(file: string, megabytes: number): number {
  const db = new BetterSqlite3(file);
  db.pragma('journal_mode=WAL');
  db.exec(
    `CREATE TABLE item (id INTEGER PRIMARY KEY, body BLOB NOT NULL); CREATE INDEX by_body ON item (substr(body, 1, 8));
     WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${megabytes * 250})
     INSERT INTO item (body) SELECT randomblob(3900) FROM n`,
  );
  db.pragma('wal_checkpoint(TRUNCATE)');
  const bytes = Number(db.pragma('page_count', { simple: true })) * Number(db.pragma('page_size', { simple: true }));
  db.close();
  return bytes;
}

export async function measureBackups(megabytes: number, rounds: number, below = tmpdir()): Promise<BackupRow[]> {
  const home = mkdtempSync(join(below, 'bench-backup-'));
  try {
    const file = join(home, 'a.db');
    const bytes = fill(file, megabytes);
    const subjects: Subjects = { raw: new BetterSqlite3(file), safe: new SafeSqlite(file, { logger: false }) };
    const names = Object.keys(ways);
    const runs = new Map<string, Run[]>(names.map(name => [name, []]));
    for (let round = 0; round < rounds; round += 1) {
      // Another one goes first each time: whatever else the machine does hits all alike.
      for (let turn = 0; turn < names.length; turn += 1) {
        const name = names[(round + turn) % names.length] ?? '';
        runs.get(name)?.push(await measureOnce(to => ways[name]?.(subjects, to), join(home, 'copy.db')));
      }
    }
    subjects.safe.close();
    subjects.raw.close();
    return names.map(way => summarize(way, runs.get(way) ?? [], runs.get('better-sqlite3') ?? [], bytes));
  } finally {
    rmSync(home, { recursive: true, force: true });
  }
}

interface Run {
  readonly seconds: number;
  readonly stallMs: number;
  readonly besideMs: number;
  readonly ownMs: number;
}

async function measureOnce(run: (to: string) => Promise<unknown> | undefined, to: string): Promise<Run> {
  let seconds = 0;
  const { here, beside } = await withWitness(async () => {
    const started = performance.now();
    await run(to);
    seconds = (performance.now() - started) / 1000;
  });
  rmSync(to);
  const longest = (stalls: typeof here): number => Math.max(0, ...stalls.map(lengthOf));
  return { seconds, stallMs: longest(here), besideMs: longest(beside), ownMs: longestOwn(here, beside) };
}

function summarize(way: string, runs: readonly Run[], raw: readonly Run[], bytes: number): BackupRow {
  const of = (figure: keyof Run): number => median(runs.map(run => run[figure]));
  return {
    way,
    seconds: of('seconds'),
    megabytesPerSecond: bytes / 1e6 / of('seconds'),
    ofRaw: median(runs.map((run, round) => (raw[round]?.seconds ?? Number.NaN) / run.seconds)),
    stallMs: of('stallMs'),
    besideMs: of('besideMs'),
    ownMs: of('ownMs'),
  };
}

if (process.argv[1] === import.meta.filename) {
  console.log(`two busy threads do ${(await workOfTwoThreads()).toFixed(2)} times the work of one`);
  const [megabytes, rounds] = process.argv.slice(2).map(Number);
  const rows = await measureBackups(megabytes ?? 1024, rounds ?? 3, process.argv[4]);
  console.log(`${'way'.padEnd(26)}       s    MB/s  of raw   stall ms  beside ms  own ms`);
  for (const { way, seconds, megabytesPerSecond, ofRaw, stallMs, besideMs, ownMs } of rows) {
    const figures = [
      seconds.toFixed(2).padStart(8),
      megabytesPerSecond.toFixed(0).padStart(8),
      ofRaw.toFixed(2).padStart(8),
      stallMs.toFixed(0).padStart(11),
      besideMs.toFixed(0).padStart(11),
      ownMs.toFixed(0).padStart(8),
    ];
    console.log(`${way.padEnd(26)}${figures.join('')}`);
  }
}
