/** An Express service with small reads, durable writes and reports, in three manners; ends with its standard input. */
import express from 'express';
import type { AddressInfo } from 'node:net';
import { mkdtempSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { createRequire } from 'node:module';
import { Worker } from 'node:worker_threads';
import BetterSqlite3 from 'better-sqlite3';
import { openDatabase } from 'safe-sqlite';
import { watchStalls } from './stalls.mts';

/** `none`: the same routes without a database, to see what Express and the clients cost alone. */
export type Manner = 'none' | 'raw' | 'raw-worker' | 'ours';

interface Service {
  read(id: number): unknown;
  write(text: string): unknown;
  /** One report that takes `steps` rows of a recursive query. */
  report(steps: number): unknown;
  small(id: number): Promise<unknown>;
  close(): void;
}

const require = createRequire(import.meta.url);
const rows = 20_000;
const report = `
  WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c LIMIT ?)
  SELECT count(*) AS n, sum(length(text)) AS bytes FROM c JOIN notes ON notes.id = 1 + c.x % ${rows}`;
const byId = 'SELECT * FROM notes WHERE id = ?';

/** The hand-written thread that people put around better-sqlite3. */
const thread = `
  const { parentPort, workerData } = require('node:worker_threads');
  const db = new (require(workerData.path))(workerData.file, { readonly: true });
  const statements = new Map();
  parentPort.on('message', ({ id, sql, values }) => {
    if (!statements.has(sql)) statements.set(sql, db.prepare(sql));
    parentPort.postMessage({ id, rows: statements.get(sql).all(...values) });
  });`;

function open(manner: Manner, file: string, readers: number): Service {
  if (manner === 'none') {
    const row = { id: 1, text: `note ${'0'.repeat(200)}` };
    return { read: () => row, write: () => row, report: () => [], small: async () => row, close: () => {} };
  }
  if (manner === 'ours') {
    const db = openDatabase(file, { logger: false, readers: { max: readers } });
    fill(db);
    const read = db.prepare(byId);
    const insert = db.prepare('INSERT INTO notes (text) VALUES (?)');
    db.reader.warm(readers);
    return {
      read: id => read.get(id),
      write: text => db.write(() => insert.run(text)),
      report: steps => db.reader.all(report, [steps]),
      small: id => db.reader.get(byId, [id]),
      close: () => db.close(),
    };
  }
  const db = new BetterSqlite3(file);
  db.pragma('journal_mode = WAL');
  db.pragma('synchronous = FULL');
  fill(db);
  const read = db.prepare(byId);
  const insert = db.prepare('INSERT INTO notes (text) VALUES (?)');
  const direct = { read: (id: number) => read.get(id), write: (text: string) => insert.run(text) };
  const inPlace = db.prepare(report);
  if (manner === 'raw') {
    return { ...direct, report: steps => inPlace.all(steps), small: async id => read.get(id), close: () => db.close() };
  }
  const worker = new Worker(thread, { eval: true, workerData: { file, path: require.resolve('better-sqlite3') } });
  const waiting = new Map<number, (rows: unknown) => void>();
  worker.on('message', ({ id, rows: found }: { id: number; rows: unknown }) => {
    waiting.get(id)?.(found);
    waiting.delete(id);
  });
  let ids = 0;
  const ask = (sql: string, values: unknown[]): Promise<unknown> =>
    new Promise(resolve => {
      waiting.set((ids += 1), resolve);
      worker.postMessage({ id: ids, sql, values });
    });
  return {
    ...direct,
    report: steps => ask(report, [steps]),
    small: id => ask(byId, [id]),
    close: () => (worker.unref(), db.close()),
  };
}

function fill(db: { exec(sql: string): unknown }): void {
  db.exec('CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT)');
  db.exec(
    `WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c LIMIT ${rows})
     INSERT INTO notes SELECT x, 'note ' || hex(randomblob(100)) FROM c`,
  );
}

const folder = mkdtempSync(join(tmpdir(), 'bench-readers-'));
const [manner = 'ours', readers = String(availableParallelism() - 1)] = process.argv.slice(2);
const service = open(manner as Manner, join(folder, 'a.db'), Number(readers));
const delay = monitorEventLoopDelay({ resolution: 1 });
const stalls = watchStalls();
const app = express();
app.get('/notes/:id', (request, response) => void response.json(service.read(Number(request.params.id))));
app.post('/notes', async (_request, response) => void response.status(201).json(await service.write('new')));
app.get('/report/:steps', async (request, response) => {
  response.json(await service.report(Number(request.params.steps)));
});
app.get('/small/:rounds', async (request, response) => {
  const rounds = Number(request.params.rounds);
  const times: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const start = performance.now();
    await service.small(1 + (round % rows));
    times.push(performance.now() - start);
  }
  times.sort((a, b) => a - b);
  response.json(times[Math.floor(rounds / 2)]);
});
app.get('/begin', (_request, response) => {
  stalls.reset();
  delay.reset();
  delay.enable();
  response.end();
});
app.get('/stall', (_request, response) => {
  delay.disable();
  response.json({ longestMs: delay.max / 1e6, parts: stalls.longest() });
});
const server = app.listen(0, '127.0.0.1', () => console.log((server.address() as AddressInfo).port));
process.stdin.resume().on('end', () => {
  server.close();
  server.closeAllConnections();
  service.close();
  rmSync(folder, { recursive: true, force: true });
  process.exit(0);
});
