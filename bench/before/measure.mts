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

/**
 * Microseconds of a call: of `blocks` blocks, the one at the lower `quantile`. Whatever else runs on the machine only ever adds
 * time, and leaves some blocks whole.
 */
async function quietest(
  { blocks, calls, quantile }: { readonly blocks: number; readonly calls: number; readonly quantile: number },
  run: (call: number) => unknown,
): Promise<number> {
  const costs: number[] = [];
  for (let block = 0; block < blocks; block += 1) {
    const before = performance.now();
    for (let call = 0; call < calls; call += 1) {
      const ended = run(block * calls + call);
      if (ended instanceof Promise) await ended;
    }
    costs.push(((performance.now() - before) * 1000) / calls);
    // The timers of the library run between the blocks.
    await new Promise(setImmediate);
  }
  costs.sort((one, other) => one - other);
  return costs[Math.floor(blocks * quantile)] ?? Number.NaN;
}

const inMemory = { blocks: 200, calls: 50, quantile: 0.1 };
const onDisk = { blocks: 150, calls: 20, quantile: 0.25 };

async function openAndClose(): Promise<number> {
  create('a.db').close();
  return quietest({ blocks: 300, calls: 2, quantile: 0.1 }, () => {
    const db = open('a.db');
    read(db);
    db.close();
  });
}

/** The last tenth shows what the ones before it cost. */
async function many(files: number): Promise<number> {
  for (let file = 0; file < files; file += 1) create(`${file}.db`).close();
  const all: Database[] = [];
  const next = (): void => {
    const db = open(`${all.length}.db`);
    all.push(db);
    read(db);
  };
  while (all.length < files * 0.9) next();
  const cost = await quietest({ blocks: files * 0.1, calls: 1, quantile: 0.1 }, next);
  for (const db of all) db.close();
  return cost;
}

async function autocommit(shape: typeof inMemory): Promise<number> {
  const db = create('a.db');
  const statement = db.prepare(insert);
  for (let row = 0; row < 3000; row += 1) statement.run();
  return quietest(shape, () => statement.run());
}

async function empty(): Promise<number> {
  const transaction = create('a.db').transaction(() => {});
  return quietest({ blocks: 400, calls: 500, quantile: 0.1 }, () => transaction());
}

async function oneCaller(): Promise<number> {
  const db = create('a.db');
  const statement = db.prepare(insert);
  const write = (): unknown => (db.write === undefined ? statement.run() : db.write(() => statement.run()));
  for (let row = 0; row < 3000; row += 1) await write();
  return quietest(onDisk, write);
}

/** The mean: the WAL grows in this time. */
async function firstMoments(): Promise<number> {
  const db = create('a.db');
  const statement = db.prepare(insert);
  return quietest({ blocks: 1, calls: 2400, quantile: 0 }, () =>
    db.write === undefined ? statement.run() : db.write(() => statement.run()),
  );
}

const cases: Readonly<Record<string, () => Promise<number>>> = {
  open: openAndClose,
  files: () => many(600),
  autocommit: () => autocommit(inMemory),
  'autocommit-disk': () => autocommit(onDisk),
  empty,
  'write-one': oneCaller,
  'write-new': firstMoments,
};

const cost = await cases[name]?.();
rmSync(folder, { recursive: true, force: true });
process.stdout.write(`${cost}\n`, () => process.exit(0));
