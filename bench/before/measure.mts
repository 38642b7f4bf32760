/**
 * Measures one case with one library, in a process of its own, and prints the cost of a call in microseconds.
 *
 *     node bench/before/measure.mts <folder of a build | raw> <case> <folder for the databases>
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import type Raw from 'better-sqlite3';

type Database = Raw.Database & { write?: (run: () => unknown) => Promise<unknown> };

const [root = 'raw', name = 'open', ground = '/tmp'] = process.argv.slice(2);
const isRaw = root === 'raw';
const require = createRequire(isRaw ? import.meta.url : join(root, 'package.json'));
const library = require(isRaw ? 'better-sqlite3' : join(root, 'dist/index.js')) as { default?: unknown };
const Subject = (library.default ?? library) as new (file: string, options: object) => Database;

const folder = mkdtempSync(join(ground, 'safe-sqlite-before-'));

function open(file: string): Database {
  const db = new Subject(join(folder, file), isRaw ? {} : { logger: false });
  if (isRaw) db.pragma('synchronous = FULL');
  return db;
}

function create(file: string): Database {
  const db = open(file);
  if (isRaw) db.pragma('journal_mode = WAL');
  db.exec('CREATE TABLE t (id INTEGER PRIMARY KEY, a)');
  return db;
}

const read = (db: Database): unknown => db.prepare('SELECT count(*) FROM t').get();
const insert = 'INSERT INTO t (a) VALUES (1)';

/** Processor time of a call of `run`, in microseconds: of all threads, so that what others do on the machine hardly counts. */
async function processor(calls: number, run: (call: number) => unknown): Promise<number> {
  const before = process.cpuUsage();
  for (let call = 0; call < calls; call += 1) await run(call);
  const { user, system } = process.cpuUsage(before);
  return (user + system) / calls;
}

async function clock(calls: number, run: (call: number) => unknown): Promise<number> {
  const before = performance.now();
  for (let call = 0; call < calls; call += 1) await run(call);
  return ((performance.now() - before) * 1000) / calls;
}

async function openAndClose(): Promise<number> {
  create('a.db').close();
  const once = (): void => {
    const db = open('a.db');
    read(db);
    db.close();
  };
  await processor(200, once);
  return processor(600, once);
}

/** The last tenth shows what the ones before it cost. */
async function many(files: number, handles: number): Promise<number> {
  for (let file = 0; file < files; file += 1) create(`${file}.db`).close();
  const all: Database[] = [];
  const next = (call: number): void => {
    const db = open(`${call % files}.db`);
    read(db);
    all.push(db);
  };
  const total = files * handles;
  await processor(total * 0.9, next);
  const cost = await processor(total * 0.1, call => next(call + total * 0.9));
  for (const db of all) db.close();
  return cost;
}

async function autocommit(measure: typeof processor): Promise<number> {
  const db = create('a.db');
  const statement = db.prepare(insert);
  await measure(3000, () => statement.run());
  return measure(6000, () => statement.run());
}

async function empty(): Promise<number> {
  const transaction = create('a.db').transaction(() => {});
  const block = (): void => {
    for (let call = 0; call < 1000; call += 1) transaction();
  };
  await processor(50, block);
  return (await processor(200, block)) / 1000;
}

async function oneCaller(rows: number): Promise<number> {
  const db = create('a.db');
  const statement = db.prepare(insert);
  const write = db.write === undefined ? () => statement.run() : () => db.write?.(() => statement.run());
  if (rows > 3000) await clock(3000, write);
  return clock(Math.min(rows, 3000), write);
}

const cases: Readonly<Record<string, () => Promise<number>>> = {
  open: openAndClose,
  files: () => many(600, 1),
  handles: () => many(1, 400),
  autocommit: () => autocommit(processor),
  'autocommit-disk': () => autocommit(clock),
  empty,
  'write-one': () => oneCaller(6000),
  'write-new': () => oneCaller(2400),
};

const cost = await cases[name]?.();
rmSync(folder, { recursive: true, force: true });
process.stdout.write(`${cost}\n`, () => process.exit(0));
