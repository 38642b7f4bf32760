/** A database with rows in a folder of its own, for tests of `db.reader`. */
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Database, type Options } from 'safe-sqlite';
import { until } from '../support/until.mts';

export interface Bench extends Disposable {
  readonly db: Database;
  readonly file: string;
  readonly folder: string;
  /** Process ids of the readers that live, found through the children of this process. */
  pids(): number[];
}

/** A query that never ends by itself, in one step of SQLite. */
export const endless = 'WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT count(*) FROM c';

export function createBench(options: Options = {}, rows = 1000): Bench {
  const folder = mkdtempSync(join(tmpdir(), 'readers-'));
  const file = join(folder, 'a.db');
  const db = new Database(file, { logger: false, ...options });
  db.exec('CREATE TABLE t (id INTEGER PRIMARY KEY, text)');
  db.exec(
    `WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c LIMIT ${rows})
     INSERT INTO t SELECT x, 'row ' || x FROM c`,
  );
  return {
    db,
    file,
    folder,
    pids: () => childrenOf(process.pid),
    [Symbol.dispose]() {
      if (db.open) db.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Reader processes below `parent` that are no zombies. */
export function childrenOf(parent: number): number[] {
  return readdirSync('/proc')
    .filter(name => /^\d+$/.test(name))
    .map(Number)
    .filter(pid => {
      const { state, ppid } = statOf(pid);
      return ppid === parent && state !== 'Z' && state !== 'X' && commandOf(pid).includes('reader');
    });
}

/** Processes that were started with `mark` in their environment and are no zombies, whoever their parent is now. */
export function markedBy(mark: string): number[] {
  return readdirSync('/proc')
    .filter(name => /^\d+$/.test(name))
    .map(Number)
    .filter(pid => {
      try {
        return readFileSync(`/proc/${pid}/environ`, 'latin1').includes(mark) && isAlive(pid);
      } catch {
        return false;
      }
    });
}

/** Why a test is skipped that finds the reader processes by itself; false where there is a /proc. */
export const noProc = process.platform !== 'linux' && 'finds the processes in the /proc of Linux';

export function isAlive(pid: number): boolean {
  if (process.platform === 'win32') return hasProcess(pid);
  return !['Z', 'X', ''].includes(statOf(pid).state);
}

function hasProcess(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

export function statOf(pid: number): { readonly state: string; readonly ppid: number } {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    const [state = '', ppid] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return { state, ppid: Number(ppid) };
  } catch {
    return { state: '', ppid: 0 };
  }
}

function commandOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'latin1');
  } catch {
    return '';
  }
}

/** Process id of the reader that has run longest. Never 0, with which `process.kill` means the own process group. */
export function runningPid(db: Database): number {
  const pid = db.health().readers.running[0]?.pid ?? null;
  assert.ok(pid !== null, 'a reader process runs something');
  return pid;
}

/** Resolves when a reader of `db` runs something. */
export async function untilRunning(db: Database, count = 1): Promise<void> {
  await until(() => db.health().readers.running.length >= count, `${count} readers run something`);
}
