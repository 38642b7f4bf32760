/**
 * Runaway queries through `db.reader`: each ended at its limit, beside durable writes, and what is left of them.
 *
 *     node bench/readers-runaway.mts [kills]
 *
 * It writes bench/results/readers-runaway.json.
 */
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { openDatabase } from 'safe-sqlite';
import { describeMachine } from './machine.mts';

const limitMs = 500;
const kills = Number(process.argv[2] ?? 1000);
const MiB = 1024 * 1024;
const folder = mkdtempSync(join(tmpdir(), 'bench-runaway-'));
const setup = join(folder, 'setup.mjs');
writeFileSync(setup, `export default db => db.function('match', (re, text) => Number(new RegExp(re).test(text)));`);
const db = openDatabase(join(folder, 'a.db'), { logger: false, readers: { max: 1, setup, memoryBytes: 256 * MiB } });
db.exec('CREATE TABLE t (id INTEGER PRIMARY KEY, text)');
db.exec(
  `WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c LIMIT 1000) INSERT INTO t SELECT x, 'row' FROM c`,
);

const queries: Readonly<Record<string, string>> = {
  'recursive CTE without end': 'WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT count(*) FROM c',
  'cross join': 'SELECT count(*) FROM t a, t b, t c, t d, t e WHERE a.id + b.id + c.id + d.id + e.id = 0',
  'regular expression of an application function': `SELECT match('(a+)+$', '${'a'.repeat(60)}b')`,
  'huge sort': 'SELECT a.text || b.id || c.id AS x FROM t a, t b, t c ORDER BY x DESC',
  'rows without end': 'WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT x FROM c',
  'blobs of a gigabyte': `WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c LIMIT 8)
    SELECT length(group_concat(hex(randomblob(70000000)))) FROM c`,
};

const memory = (): number => Math.round(process.memoryUsage.rss() / MiB);
const descriptors = (): number => readdirSync('/proc/self/fd').length;

/** Watches a process from a thread of its own, which the commits of this one do not hold; resolves with ms since epoch. */
function endOf(pid: number): Promise<number> {
  const program = `
    const { readFileSync } = require('node:fs');
    const { parentPort, workerData } = require('node:worker_threads');
    const pause = new Int32Array(new SharedArrayBuffer(4));
    const lives = () => {
      try {
        const stat = readFileSync('/proc/' + workerData + '/stat', 'latin1');
        return !'ZX'.includes(stat.charAt(stat.lastIndexOf(')') + 2));
      } catch { return false; }
    };
    while (lives()) Atomics.wait(pause, 0, 0, 1);
    parentPort.postMessage(performance.timeOrigin + performance.now());`;
  const watcher = new Worker(program, { eval: true, workerData: pid });
  return once(watcher, 'message').then(([at]) => at as number);
}

async function run(name: string, sql: string) {
  await db.reader.get('SELECT 1');
  const before = memory();
  const loop = monitorEventLoopDelay({ resolution: 1 });
  loop.enable();
  const begin = performance.now();
  let over = false;
  const failed = db.reader
    .all(sql, [], { timeoutMs: limitMs, maxBytes: Number.MAX_SAFE_INTEGER })
    .catch((error: Error) => error)
    .finally(() => (over = true));
  await delay(1);
  const gone = endOf(db.health().readers.running[0]?.pid ?? 0);
  let writes = 0;
  for (; !over; writes += 1) await db.write(() => db.exec('UPDATE t SET id = id WHERE id = 1'));
  const error = await failed;
  const endedMs = Math.round(performance.now() - begin);
  const processEndedMs = Math.round((await gone) - performance.timeOrigin - begin);
  loop.disable();
  const checkpoint = await db.checkpoint('truncate');
  await delay(200);
  return {
    name,
    processEndedMs,
    endedMs,
    error: error instanceof Error ? error.constructor.name : 'none',
    writes,
    stallMs: Math.round(loop.max / 1e6),
    checkpointComplete: checkpoint.complete,
    health: db.health().status,
    memoryBefore: before,
    memoryAfter: memory(),
  };
}

const table = [];
for (const [name, sql] of Object.entries(queries)) {
  const row = await run(name, sql);
  table.push(row);
  console.log(row);
}

await db.reader.get('SELECT 1');
const before = { descriptors: descriptors(), memory: memory(), killed: db.health().readers.killed };
const late: number[] = [];
while (db.health().readers.killed - before.killed < kills) {
  const ready = await db.reader.get('SELECT 1');
  const abort = new AbortController();
  const read = db.reader.all(queries['cross join'] ?? '', [], { signal: abort.signal }).catch(() => ready);
  await delay(5 * Math.random());
  const begin = performance.now();
  abort.abort();
  await read;
  late.push(performance.now() - begin);
}
late.sort((a, b) => a - b);
const complete = (await db.checkpoint('truncate')).complete;
const locks = readFileSync('/proc/locks', 'utf8')
  .split('\n')
  .filter(line => line.includes('POSIX')).length;
db.close();
await delay(500);
const left = readdirSync('/proc').filter(pid => {
  try {
    return (
      /^\d+$/.test(pid) &&
      readFileSync(`/proc/${pid}/cmdline`, 'latin1').startsWith(`safe-sqlite reader of ${process.pid}`)
    );
  } catch {
    return false;
  }
});
const after = {
  kills,
  medianMs: Math.round((late[late.length >> 1] ?? 0) * 10) / 10,
  slowestMs: Math.round((late.at(-1) ?? 0) * 10) / 10,
  checkpointComplete: complete,
  descriptors: [before.descriptors, descriptors()],
  memory: [before.memory, memory()],
  locksWhileOpen: locks,
  processesLeft: left.length,
  files: readdirSync(folder).toSorted(),
};
console.log(after);
const target = join(import.meta.dirname, 'results/readers-runaway.json');
mkdirSync(join(target, '..'), { recursive: true });
writeFileSync(target, `${JSON.stringify({ machine: describeMachine(), limitMs, table, kills: after }, null, 2)}\n`);
rmSync(folder, { recursive: true, force: true });
