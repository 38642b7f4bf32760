/** Measures the cost of the wrapper on the hot path: both sides on the same file format, WAL with synchronous=FULL. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import BetterSqlite3 from 'better-sqlite3';
import SafeSqlite from 'safe-sqlite';
import { measure, print, type Case, type Row } from './paired.mts';

type Db = BetterSqlite3.Database;

const rowsInTable = 10_000;

function prepareSide(db: Db): Db {
  db.exec('CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT, b INTEGER)');
  const insert = db.prepare('INSERT INTO t (a, b) VALUES (?, ?)');
  db.transaction(() => {
    for (let index = 0; index < rowsInTable; index += 1) insert.run(`row ${index}`, index % 100);
  })();
  return db;
}

function cases(raw: Db, ours: Db): Case[] {
  const pair = (name: string, calls: number, make: (db: Db) => (call: number) => unknown): Case => ({
    name,
    calls,
    raw: make(raw),
    ours: make(ours),
  });
  return [
    pair('get by primary key', 1000, db => {
      const statement = db.prepare('SELECT * FROM t WHERE id = ?');
      return call => statement.get((call % rowsInTable) + 1);
    }),
    pair('get of a constant', 5000, db => {
      const statement = db.prepare('SELECT 1').pluck();
      return () => statement.get();
    }),
    pair('all, 100 rows', 25, db => {
      const statement = db.prepare('SELECT * FROM t WHERE b = ?');
      return call => statement.all(call % 100);
    }),
    pair('iterate, 100 rows', 25, db => {
      const statement = db.prepare('SELECT * FROM t LIMIT 100');
      return () => {
        let sum = 0;
        for (const row of statement.iterate() as Iterable<{ b: number }>) sum += row.b;
        return sum;
      };
    }),
    pair('empty transaction', 200, db => db.transaction(() => 0)),
    pair('prepare', 200, db => () => db.prepare('SELECT a, b FROM t WHERE id = ? AND b > ? ORDER BY a LIMIT 10')),
    pair('autocommit run (one fsync)', 5, db => {
      const statement = db.prepare('UPDATE t SET b = b + 1 WHERE id = ?');
      return call => statement.run((call % rowsInTable) + 1);
    }),
  ];
}

export function hotPath(rounds = 201): Row[] {
  const folder = mkdtempSync(join(tmpdir(), 'bench-'));
  const raw = openRaw(join(folder, 'raw.db'));
  const ours = new SafeSqlite(join(folder, 'ours.db'), { logger: false }) as unknown as Db;
  try {
    const rows = cases(prepareSide(raw), prepareSide(ours)).map(each => measure(each, rounds));
    rows.push(measure(insideTransaction(folder), rounds), measure(opening(folder), rounds));
    return rows;
  } finally {
    raw.close();
    ours.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

function openRaw(file: string): Db {
  const raw = new BetterSqlite3(file);
  raw.pragma('journal_mode = WAL');
  raw.pragma('synchronous = FULL');
  return raw;
}

/** One transaction is left open all the time: only the calls are measured, no commit. */
function insideTransaction(folder: string): Case {
  const update = (db: Db): ((call: number) => unknown) => {
    prepareSide(db).exec('BEGIN IMMEDIATE');
    const statement = db.prepare('UPDATE t SET b = b + 1 WHERE id = ?');
    return call => statement.run((call % rowsInTable) + 1);
  };
  return {
    name: 'run inside a transaction',
    calls: 2000,
    raw: update(openRaw(join(folder, 'raw-inside.db'))),
    ours: update(new SafeSqlite(join(folder, 'ours-inside.db'), { logger: false }) as unknown as Db),
  };
}

/** Opening an existing WAL database and reading once, which is when raw better-sqlite3 looks at the file at all. */
function opening(folder: string): Case {
  const file = (name: string): string => join(folder, `${name}.db`);
  const use = (db: Db): void => {
    db.prepare('SELECT 1 FROM sqlite_schema').get();
    db.close();
  };
  return {
    name: 'open, read, close',
    calls: 2,
    raw: () => use(new BetterSqlite3(file('raw'))),
    ours: () => use(new SafeSqlite(file('ours'), { logger: false }) as unknown as Db),
  };
}

if (process.argv[1] === import.meta.filename) print('Cost of the wrapper', hotPath());
