/**
 * SIGKILL of an application at random moments, while its readers start, read and send: how long an orphan lives.
 *
 *     node bench/readers-orphans.mts [rounds]
 *
 * It writes bench/results/readers-orphans.json, and fails when an orphan lives for a second. It needs /proc.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Database } from 'safe-sqlite';
import { describeMachine } from './machine.mts';

const rounds = Number(process.argv[2] ?? 200);
const limitMs = 1000;
/** A reader of the application is started within this time, in milliseconds; later it reads. */
const spanMs = 600;
const folder = mkdtempSync(join(tmpdir(), 'bench-orphans-'));
const file = join(folder, 'a.db');
const db = new Database(file, { logger: false });
db.exec('CREATE TABLE t (id INTEGER PRIMARY KEY, text)');
db.exec(
  `WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c LIMIT 1000) INSERT INTO t SELECT x, 'row' FROM c`,
);

const program = `
  const { openDatabase } = require('safe-sqlite');
  const db = openDatabase(${JSON.stringify(file)}, { logger: false, readers: { max: 2 } });
  db.reader.all('WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT count(*) FROM c').catch(() => {});
  (async () => { for await (const row of db.reader.iterate('SELECT a.id FROM t a, t b, t c')); })().catch(() => {});
  setInterval(() => {}, 1000);`;

/** Processes with this variable in their environment that are no zombies: a child has it from its first moment on. */
function alive(mark: string): number[] {
  return readdirSync('/proc')
    .filter(name => /^\d+$/.test(name))
    .filter(pid => {
      try {
        if (!readFileSync(`/proc/${pid}/environ`, 'latin1').includes(mark)) return false;
        const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
        return !'ZX'.includes(stat.charAt(stat.lastIndexOf(')') + 2));
      } catch {
        return false;
      }
    })
    .map(Number);
}

/** True once the program of the reader runs: it sets a title. Before that Node is still starting. */
function hasStarted(pid: number): boolean {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'latin1').startsWith('safe-sqlite reader');
  } catch {
    return true;
  }
}

/** ms from the kill to the end of the last reader of a round, by whether one of them was still starting. */
const lives: Record<'starting' | 'reading', number[]> = { starting: [], reading: [] };
let orphans = 0;
for (let round = 0; round < rounds; round += 1) {
  const mark = `ORPHANS_ROUND=${process.pid}-${round}-`;
  const env = { ...process.env, ORPHANS_ROUND: mark.slice('ORPHANS_ROUND='.length) };
  const child = spawn(process.execPath, ['-e', program], {
    env,
    cwd: import.meta.dirname,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  await delay(spanMs * Math.random());
  const readers = alive(mark).filter(pid => pid !== child.pid);
  const phase = readers.every(hasStarted) ? 'reading' : 'starting';
  const exit = once(child, 'exit');
  child.kill('SIGKILL');
  const killed = performance.now();
  await exit;
  while (alive(mark).length > 0) {
    if (performance.now() - killed > 20 * limitMs) throw new Error(`round ${round}: ${alive(mark).join()} live on`);
    await delay(2);
  }
  orphans += readers.length;
  if (readers.length > 0) lives[phase].push(performance.now() - killed);
}
const round = (ms: number | undefined): number => Math.round((ms ?? 0) * 10) / 10;
const summaryOf = (all: readonly number[]) => {
  const sorted = all.toSorted((a, b) => a - b);
  return { rounds: sorted.length, medianMs: round(sorted[sorted.length >> 1]), longestMs: round(sorted.at(-1)) };
};
const complete = (await db.checkpoint('truncate')).complete;
db.close();
const found = {
  machine: describeMachine(),
  rounds,
  readers: orphans,
  starting: summaryOf(lives.starting),
  reading: summaryOf(lives.reading),
  checkpointComplete: complete,
  files: readdirSync(folder).toSorted(),
};
console.log(found);
const target = join(import.meta.dirname, 'results/readers-orphans.json');
mkdirSync(join(target, '..'), { recursive: true });
writeFileSync(target, `${JSON.stringify(found, null, 2)}\n`);
rmSync(folder, { recursive: true, force: true });
if (Math.max(found.starting.longestMs, found.reading.longestMs) > limitMs || !complete) process.exitCode = 1;
