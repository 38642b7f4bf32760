/**
 * Measures what many connections to one file and many files in one process cost: time, memory and descriptors, beside
 * better-sqlite3. Each line is a process of its own.
 *
 *     node bench/many.mts
 *
 * It writes bench/results/many.json.
 */
import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { promisify } from 'node:util';
import Raw from 'better-sqlite3';
import { Database } from 'safe-sqlite';
import { describeMachine } from './machine.mts';

interface Shape {
  readonly files: number;
  /** Handles of each file. */
  readonly handles: number;
}

interface Cost extends Shape {
  readonly subject: string;
  /** Milliseconds for open, the first read and close, for each handle. */
  readonly openMs: number;
  /** The same of the last tenth, which shows what the ones before it cost. */
  readonly lastOpenMs: number;
  readonly closeMs: number;
  /** KiB and descriptors for each handle while all are open. */
  readonly memoryKiB: number;
  readonly descriptors: number;
}

const shapes: readonly Shape[] = [
  { files: 1, handles: 10 },
  { files: 1, handles: 100 },
  { files: 1, handles: 400 },
  { files: 60, handles: 1 },
  { files: 600, handles: 1 },
  { files: 10, handles: 50 },
  { files: 50, handles: 50 },
];
const subjects = ['raw', 'ours'] as const;

interface Handle {
  close(): unknown;
  prepare(sql: string): { get(): unknown };
}

const descriptors = (): number => readdirSync('/proc/self/fd').length;

/** Opens `files` × `handles`, one handle of each file after the other; every file exists and has a table. */
function measure(subject: string, { files, handles }: Shape): Cost {
  const folder = mkdtempSync(join(tmpdir(), 'safe-sqlite-many-'));
  const open = (file: string): Handle =>
    subject === 'raw' ? new Raw(file, {}) : (new Database(file, { logger: false }) as Handle);
  const name = (n: number): string => join(folder, `${n}.db`);
  for (let n = 0; n < files; n++) {
    const db = new Raw(name(n));
    db.exec('PRAGMA journal_mode = WAL; CREATE TABLE t(a); INSERT INTO t VALUES (1)');
    db.close();
  }
  // The first open of a process loads and compiles what the others use.
  const warm = open(join(folder, 'warm.db'));
  warm.prepare('SELECT count(*) FROM sqlite_schema').get();
  warm.close();
  globalThis.gc?.();
  const before = { memory: process.memoryUsage.rss(), descriptors: descriptors() };
  const all = files * handles;
  const connections: Handle[] = [];
  const began = performance.now();
  let lastBegan = began;
  for (let handle = 0; handle < handles; handle++) {
    for (let n = 0; n < files; n++) {
      if (connections.length === Math.floor(all * 0.9)) lastBegan = performance.now();
      const db = open(name(n));
      db.prepare('SELECT a FROM t').get();
      connections.push(db);
    }
  }
  const opened = performance.now();
  globalThis.gc?.();
  const memory = process.memoryUsage.rss() - before.memory;
  const used = descriptors() - before.descriptors;
  const closing = performance.now();
  for (const db of connections) db.close();
  const closed = performance.now();
  rmSync(folder, { recursive: true, force: true });
  const rounded = (value: number): number => Math.round(value * 100) / 100;
  return {
    subject,
    files,
    handles,
    openMs: rounded((opened - began) / all),
    lastOpenMs: rounded((opened - lastBegan) / (all - Math.floor(all * 0.9))),
    closeMs: rounded((closed - closing) / all),
    memoryKiB: Math.round(memory / 1024 / all),
    descriptors: rounded(used / all),
  };
}

const [subject, files, handles] = process.argv.slice(2);
if (subject !== undefined) {
  console.log(JSON.stringify(measure(subject, { files: Number(files), handles: Number(handles) })));
} else {
  const costs: Cost[] = [];
  for (const shape of shapes) {
    for (const each of subjects) {
      const args = ['--expose-gc', import.meta.filename, each, `${shape.files}`, `${shape.handles}`];
      const { stdout } = await promisify(execFile)(process.execPath, args);
      costs.push(JSON.parse(stdout) as Cost);
    }
  }
  console.table(costs);
  const target = join(import.meta.dirname, 'results/many.json');
  mkdirSync(join(target, '..'), { recursive: true });
  writeFileSync(target, `${JSON.stringify({ machine: describeMachine(), costs }, null, 2)}\n`);
}
