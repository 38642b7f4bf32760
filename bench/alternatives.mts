/**
 * This library beside its alternatives: better-sqlite3, node:sqlite and libsql, each in a process of its own, asked in
 * turns. Writes results/alternatives.json, from which scripts/alternatives-page.mjs writes the page.
 *
 *     node bench/alternatives.mts [--quick]
 */
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import BetterSqlite3 from 'better-sqlite3';
import { createFaultBench, faultsSkip } from '../test/support/fault-shim.mts';
import type { Answer, Question } from './alternatives/child.mts';
import { subjectNames, type SubjectName } from './alternatives/subjects.mts';
import { describeMachine, type Machine } from './machine.mts';
import { median } from './paired.mts';

export interface Alternative {
  readonly subject: SubjectName;
  readonly read: number | null;
  readonly readHundred: number | null;
  /** Durable writes a second of one caller, of 64 and of 256; the last three where every sync takes longer. */
  readonly write: number | null;
  readonly write64: number | null;
  readonly write256: number | null;
  readonly slowWrite: number | null;
  readonly slowWrite64: number | null;
  readonly slowWrite256: number | null;
  /** Requests a second of 64 clients: three reads to one write. */
  readonly express: number | null;
  readonly expressP99Ms: number | null;
  /** Rows a second in one transaction. */
  readonly load: number | null;
  /** Writes a second while a report of some 400 ms runs, and how long the event loop stood still. */
  readonly besideReport: number | null;
  readonly reportStallMs: number | null;
  readonly backupMs: number | null;
  readonly backupStallMs: number | null;
}

export interface AlternativesResults {
  readonly takenAt: string;
  readonly machine: Machine;
  readonly versions: Readonly<Record<string, string>>;
  readonly slowMs: number;
  readonly backupMiB: number;
  readonly rows: readonly Alternative[];
}

const quick = process.argv.includes('--quick');
const rounds = quick ? 1 : 5;
const durationMs = quick ? 100 : 500;
const slowMs = 2;
const backupMiB = quick ? 64 : 1024;
const loadRows = quick ? 20_000 : 200_000;
const reportMs = 400;
const folder = mkdtempSync(join(tmpdir(), 'bench-'));
const program = join(import.meta.dirname, 'alternatives/child.mts');
const agent = new Agent({ keepAlive: true, maxSockets: Infinity });

class Child {
  readonly subject: SubjectName;
  readonly #child: ChildProcess;

  private constructor(subject: SubjectName, child: ChildProcess) {
    this.subject = subject;
    this.#child = child;
  }

  static async start(
    subject: SubjectName,
    file: string,
    environment: Readonly<Record<string, string>>,
  ): Promise<Child> {
    const child = fork(program, [subject, file], { env: { ...process.env, ...environment } });
    await once(child, 'message');
    return new Child(subject, child);
  }

  async ask(question: Question): Promise<Answer> {
    this.#child.send(question);
    const [answer] = (await once(this.#child, 'message')) as [Answer];
    return answer;
  }

  async end(): Promise<void> {
    const ended = once(this.#child, 'exit');
    this.#child.disconnect();
    await ended;
  }
}

/** Ten thousand rows, made by the subject itself. */
async function withChildren<Result>(
  environment: Readonly<Record<string, string>>,
  use: (children: readonly Child[]) => Promise<Result>,
): Promise<Result> {
  const place = mkdtempSync(join(folder, 'of-'));
  const source = join(place, 'source.db');
  makeSource(source, 10_000);
  const children: Child[] = [];
  try {
    for (const [number, subject] of subjectNames.entries()) {
      const file = join(place, `${number}.db`);
      copyFileSync(source, file);
      children.push(await Child.start(subject, file, environment));
    }
    return await use(children);
  } finally {
    for (const child of children) await child.end();
    rmSync(place, { recursive: true, force: true });
  }
}

function makeSource(file: string, rows: number, textBytes = 70): void {
  const db = new BetterSqlite3(file);
  db.exec('CREATE TABLE t (id INTEGER PRIMARY KEY, text TEXT, number INTEGER)');
  const insert = db.prepare('INSERT INTO t (text, number) VALUES (?, ?)');
  db.transaction(() => {
    for (let row = 0; row < rows; row += 1) insert.run('x'.repeat(textBytes), row);
  })();
  db.close();
}

type Numbers = Map<SubjectName, number | null>;

/** All are asked in turns, so that a slow moment is slow for all; the median of the rounds counts. */
async function inTurns(
  children: readonly Child[],
  question: Question,
  field: 'perSecond' | 'stallMs' | 'elapsedMs' = 'perSecond',
  times = rounds,
): Promise<Numbers> {
  const found = new Map<SubjectName, number[]>();
  for (let round = 0; round < times; round += 1) {
    for (const child of children) {
      const value = (await child.ask(question))[field];
      if (typeof value === 'number') found.set(child.subject, [...(found.get(child.subject) ?? []), value]);
    }
  }
  return new Map(
    children.map(({ subject }) => [subject, found.has(subject) ? median(found.get(subject) ?? []) : null]),
  );
}

async function ask(port: number, path: string, method: string): Promise<void> {
  const asked = request({ host: '127.0.0.1', port, path, method, agent });
  asked.end();
  const [response] = (await once(asked, 'response')) as [NodeJS.ReadableStream];
  response.resume();
  await once(response, 'end');
}

async function express(children: readonly Child[]): Promise<{ readonly perSecond: Numbers; readonly p99Ms: Numbers }> {
  const perSecond: Numbers = new Map();
  const p99Ms: Numbers = new Map();
  for (const child of children) {
    const { port } = await child.ask({ measure: 'serve' });
    perSecond.set(child.subject, null);
    p99Ms.set(child.subject, null);
    if (port === undefined) continue;
    const latencies: number[] = [];
    const start = performance.now();
    const end = start + durationMs * rounds;
    const client = async (number: number): Promise<void> => {
      for (let count = number; performance.now() < end; count += 1) {
        const from = performance.now();
        await (count % 4 === 0
          ? ask(port, '/notes', 'POST')
          : ask(port, `/notes/${1 + ((count * 7919) % 9000)}`, 'GET'));
        latencies.push(performance.now() - from);
      }
    };
    await Promise.all(Array.from({ length: 64 }, (_, number) => client(number)));
    perSecond.set(child.subject, (latencies.length / (performance.now() - start)) * 1000);
    latencies.sort((a, b) => a - b);
    p99Ms.set(child.subject, latencies[Math.floor(latencies.length * 0.99)] ?? null);
  }
  return { perSecond, p99Ms };
}

async function writes(environment: Readonly<Record<string, string>>): Promise<readonly Numbers[]> {
  return await withChildren(environment, async children => {
    // Every -wal gets the size that it keeps.
    for (const child of children) await child.ask({ measure: 'write', callers: 8, durationMs: durationMs * 4 });
    const found: Numbers[] = [];
    for (const callers of [1, 64, 256]) found.push(await inTurns(children, { measure: 'write', callers, durationMs }));
    return found;
  });
}

async function backups(): Promise<{ readonly elapsed: Numbers; readonly stall: Numbers }> {
  const source = join(folder, 'large.db');
  makeSource(source, (backupMiB * 1024) / 4, 4000);
  const elapsed: Numbers = new Map();
  const stall: Numbers = new Map();
  for (const subject of subjectNames) {
    const child = await Child.start(subject, source, {});
    const to = join(folder, 'copy.db');
    const answer = await child.ask({ measure: 'backup', to });
    elapsed.set(subject, answer.elapsedMs ?? null);
    stall.set(subject, answer.stallMs ?? null);
    await child.end();
    rmSync(to, { force: true });
  }
  return { elapsed, stall };
}

async function slowWrites(): Promise<readonly Numbers[] | null> {
  const skip = faultsSkip();
  if (skip !== false) {
    console.error(`Without the slow disk: ${skip}`);
    return null;
  }
  using bench = createFaultBench();
  bench.faults.arm({ calls: ['fsync', 'fdatasync', 'dirsync'], path: '*', count: 'all', action: { slowMs } });
  return await writes(bench.environment);
}

function versions(): Record<string, string> {
  const db = new BetterSqlite3(':memory:');
  const sqlite = String(db.prepare('SELECT sqlite_version()').pluck().get());
  db.close();
  return {
    node: process.version,
    'SQLite of better-sqlite3': sqlite,
    'SQLite of node:sqlite': process.versions['sqlite'] ?? '',
  };
}

try {
  const reads = await withChildren({}, async children => ({
    read: await inTurns(children, { measure: 'read', callers: 1, durationMs }),
    readHundred: await inTurns(children, { measure: 'readHundred', callers: 1, durationMs }),
    load: await inTurns(children, { measure: 'load', rows: loadRows }, 'perSecond', Math.min(rounds, 3)),
  }));
  const [write, write64, write256] = await writes({});
  const slow = await slowWrites();
  const report = await withChildren({}, async children => {
    const calibrated = await inTurns(children, { measure: 'report', steps: 0 }, 'elapsedMs', 1);
    const steps = Math.round((reportMs / (calibrated.get('better-sqlite3, FULL') ?? reportMs)) * 1_000_000);
    const question = { measure: 'report', steps } as const;
    return { perSecond: await inTurns(children, question), stall: await inTurns(children, question, 'stallMs') };
  });
  const served = await withChildren({}, express);
  const copies = await backups();
  const rows = subjectNames.map(subject => {
    const of = (numbers: Numbers | undefined): number | null => numbers?.get(subject) ?? null;
    return {
      subject,
      read: of(reads.read),
      readHundred: of(reads.readHundred),
      write: of(write),
      write64: of(write64),
      write256: of(write256),
      slowWrite: of(slow?.[0]),
      slowWrite64: of(slow?.[1]),
      slowWrite256: of(slow?.[2]),
      express: of(served.perSecond),
      expressP99Ms: of(served.p99Ms),
      load: of(reads.load),
      besideReport: of(report.perSecond),
      reportStallMs: of(report.stall),
      backupMs: of(copies.elapsed),
      backupStallMs: of(copies.stall),
    } satisfies Alternative;
  });
  const results: AlternativesResults = {
    takenAt: new Date().toISOString(),
    machine: describeMachine(),
    versions: versions(),
    slowMs,
    backupMiB,
    rows,
  };
  console.table(
    rows.map(row =>
      Object.fromEntries(
        Object.entries(row).map(([key, value]) => [key, typeof value === 'number' ? Math.round(value) : value]),
      ),
    ),
  );
  if (!quick) {
    const file = join(import.meta.dirname, 'results/alternatives.json');
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, `${JSON.stringify(results, null, 2)}\n`);
  }
} finally {
  agent.destroy();
  rmSync(folder, { recursive: true, force: true });
}
