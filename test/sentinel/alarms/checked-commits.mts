/**
 * Counts commits that the sentinel has checked, in processes that live an ordinary life, until there are as many as wanted; an
 * alarm is a fault. At the end another database is copied over one of each process, which must be noticed.
 *
 *   node test/sentinel/alarms/checked-commits.mts [--commits N] [--processes N] [--save]
 *
 * In memory (`/dev/shm`), where a commit with FULL costs no disk: the checks before it are the same.
 */
import { fork, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { Database, SafeSqliteError } from 'safe-sqlite';
import { saveResult } from '../../results/save.mts';

/** Commits by the way they were made. */
export interface Counted {
  wal: number;
  rollback: number;
  attached: number;
  shared: number;
  queued: number;
}

export interface Checked {
  readonly processes: number;
  readonly seconds: number;
  readonly commits: Counted;
  readonly alarms: readonly string[];
  /** Files that a stranger changed at the end, and of how many the sentinel noticed it. */
  readonly strangers: { readonly changed: number; readonly noticed: number };
}

type FromWorker = { readonly counted: Counted } | { readonly alarm: string } | { readonly noticed: number };

const kinds = ['locksLost', 'fileReplaced', 'fenced'] as const;
/** A check besides those before each commit, in milliseconds. */
const intervalMs = 100;

/** What backup tools and operators do beside a service, without changing a content. */
const housekeeping = `while :; do
  for file in "$1"/*.db; do
    touch "$file"; chmod 600 "$file"; chmod 644 "$file"; cat "$file" "$file-wal" "$file-shm" > /dev/null; cp "$file" "$1/copy"
  done
  sleep 0.2
done 2> /dev/null`;

if (process.argv[2] === 'worker') await work(process.argv[3] ?? '', process.argv[4] ?? '');
else if (process.argv[1] === import.meta.filename) await main();

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      commits: { type: 'string', default: '100000' },
      processes: { type: 'string', default: '2' },
      save: { type: 'boolean', default: false },
    },
  });
  const checked = await countChecked(Number(values.commits), Number(values.processes));
  console.log(JSON.stringify(checked, null, 2));
  const isFaulty = checked.alarms.length > 0 || checked.strangers.noticed < checked.strangers.changed;
  if (values.save) saveResult('checked-commits', checked);
  process.exitCode = isFaulty ? 1 : 0;
}

export async function countChecked(wanted: number, processes: number): Promise<Checked> {
  const memory = existsSync('/dev/shm') ? '/dev/shm' : tmpdir();
  const folder = realpathSync(mkdtempSync(join(memory, 'safe-sqlite-checked-')));
  const tools = spawn('sh', ['-c', housekeeping, 'sh', folder], { stdio: 'ignore' });
  const began = performance.now();
  try {
    const alarms: string[] = [];
    const counts: Counted[] = [];
    let noticed = 0;
    const children = Array.from({ length: processes }, (_, index) => {
      const child = fork(import.meta.filename, ['worker', folder, String(index)]);
      child.on('message', (said: FromWorker) => {
        if ('alarm' in said) alarms.push(said.alarm);
        else if ('noticed' in said) noticed += said.noticed;
        else counts[index] = said.counted;
      });
      return { child, ended: once(child, 'exit') as Promise<[number | null]> };
    });
    const alive = (): boolean => children.every(({ child }) => child.exitCode === null);
    while (sumOf(totalOf(counts)) < wanted && alarms.length === 0 && alive()) await sleep(200);
    const seconds = Math.round((performance.now() - began) / 1000);
    tools.kill();
    await once(tools, 'exit');
    for (const { child } of children) if (child.connected) child.send('stop', () => undefined);
    for (const { ended } of children) {
      const [code] = await ended;
      if (code !== 0 && alarms.length === 0) alarms.push(`A process ended with ${code}.`);
    }
    return { processes, seconds, commits: totalOf(counts), alarms, strangers: { changed: processes, noticed } };
  } finally {
    tools.kill();
    rmSync(folder, { recursive: true, force: true });
  }
}

function totalOf(counts: readonly Counted[]): Counted {
  const total: Counted = { wal: 0, rollback: 0, attached: 0, shared: 0, queued: 0 };
  for (const each of counts.filter(Boolean))
    for (const name of Object.keys(total) as (keyof Counted)[]) total[name] += each[name];
  return total;
}

function sumOf(counted: Counted): number {
  return Object.values(counted).reduce((sum: number, each: number) => sum + each, 0);
}

async function work(folder: string, name: string): Promise<void> {
  const say = (said: FromWorker): void => void process.send?.(said, undefined, undefined, () => undefined);
  const open = (file: string, journalMode: 'wal' | 'rollback' = 'wal'): Database => {
    const db = new Database(join(folder, file), {
      logger: false,
      journalMode,
      sentinel: { intervalMs },
      timeout: 20_000,
    });
    for (const kind of kinds) {
      db.events.on(kind, ({ error }: { readonly error: Error }) => {
        if (!isOver) say({ alarm: `${file}: ${error.message}` });
      });
    }
    db.exec('CREATE TABLE IF NOT EXISTS t(a, b)');
    return db;
  };
  let isOver = false;
  let isStopped = false;
  process.on('message', () => (isStopped = true));
  const counted: Counted = { wal: 0, rollback: 0, attached: 0, shared: 0, queued: 0 };
  const wal = open(`wal-${name}.db`);
  const rollback = open(`rollback-${name}.db`, 'rollback');
  const shared = open('shared.db');
  const second = open(`second-${name}.db`);
  second.close();
  wal.prepare('ATTACH ? AS second').run(join(folder, `second-${name}.db`));
  wal.exec('CREATE TABLE IF NOT EXISTS second.t(a, b)');
  const insert = wal.prepare('INSERT INTO main.t VALUES (?, ?)');
  const update = wal.prepare('UPDATE main.t SET a = ? WHERE rowid = (SELECT max(rowid) FROM main.t)');
  const remove = wal.prepare('DELETE FROM main.t WHERE rowid <= (SELECT max(rowid) - 500 FROM main.t)');
  const both = wal.transaction((n: number) => {
    wal.prepare('INSERT INTO main.t VALUES (?, ?)').run('both', n);
    wal.prepare('UPDATE second.t SET a = ?').run(n);
  });
  const inRollback = rollback.prepare('INSERT INTO t VALUES (?, ?)');
  const inShared = shared.prepare('INSERT INTO t VALUES (?, ?)');
  while (!isStopped) {
    for (let n = 0; n < 400; n += 1) {
      insert.run('x'.repeat(n), n);
      update.run('y');
      counted.wal += 2;
      if (n % 40 === 0) {
        inRollback.run('z', n);
        counted.rollback += 1;
      }
    }
    counted.wal += Number(remove.run().changes > 0);
    both(counted.wal);
    counted.attached += 1;
    inShared.run(name, counted.wal);
    shared.exec('DELETE FROM t WHERE rowid <= (SELECT max(rowid) - 500 FROM t)');
    rollback.exec('DELETE FROM t WHERE rowid <= (SELECT max(rowid) - 500 FROM t)');
    counted.shared += 2;
    counted.rollback += 1;
    await Promise.all(Array.from({ length: 20 }, (_, n) => shared.write(() => inShared.run(name, n))));
    counted.queued += 20;
    // Descriptors come and go, of other files and of these: the numbers that Linux gives are used again.
    const other = new Database(join(folder, `wal-${name}.db`), { logger: false, readonly: true });
    other.prepare('SELECT count(*) FROM t').get();
    readFileSync(import.meta.filename);
    other.close();
    if (counted.attached % 25 === 0) await wal.checkpoint(counted.attached % 50 === 0 ? 'truncate' : 'passive');
    say({ counted: { ...counted } });
    // Timers and the sentinel have their turn.
    await sleep(counted.attached % 10 === 0 ? 20 : 0);
  }
  await sleep(3 * intervalMs);
  isOver = true;
  say({
    noticed: Number(await isStrangerNoticed(wal, join(folder, `wal-${name}.db`), join(folder, `rollback-${name}.db`))),
  });
  for (const db of [wal, rollback, shared]) db.close();
  process.disconnect();
}

/** Copies another database over the file, as a restore script does: SQLite goes on without an error. */
async function isStrangerNoticed(db: Database, file: string, other: string): Promise<boolean> {
  spawnSync('cp', [other, file]);
  await sleep(3 * intervalMs);
  try {
    db.exec("INSERT INTO main.t VALUES ('over', 1)");
    return false;
  } catch (error) {
    return error instanceof SafeSqliteError;
  }
}
