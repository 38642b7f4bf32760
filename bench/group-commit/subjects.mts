/** The three that are compared, each with one insert: raw better-sqlite3 with FULL and with NORMAL, and this library. */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import BetterSqlite3 from 'better-sqlite3';
import { Database } from 'safe-sqlite';

export const subjectNames = ['raw FULL', 'raw NORMAL', 'safe-sqlite'] as const;
/** What the check of the locks and files before each commit costs: it shows where every commit holds one write. */
export const withoutSentinel = 'safe-sqlite, `sentinel.onCommit: false`';
export type SubjectName = (typeof subjectNames)[number] | typeof withoutSentinel;

export interface Subject {
  readonly name: SubjectName;
  /** One durable insert, as a request handler would do it. */
  write(): Promise<unknown>;
  close(): void;
}

const schema = 'CREATE TABLE t (id INTEGER PRIMARY KEY, text TEXT, number INTEGER)';
const insert = 'INSERT INTO t (text, number) VALUES (?, ?)';
const values = ['a row of the length that a small event or comment has in real life', 42] as const;

export function openSubject(name: SubjectName, folder: string): Subject {
  const file = join(folder, `${name.replaceAll(/\W+/g, '-')}.db`);
  for (const suffix of ['', '-wal', '-shm']) rmSync(file + suffix, { force: true });
  return name.startsWith('safe-sqlite') ? openOurs(name, file) : openRaw(name, file);
}

function openRaw(name: SubjectName, file: string): Subject {
  const db = new BetterSqlite3(file);
  db.pragma('journal_mode = WAL');
  db.pragma(`synchronous = ${name === 'raw FULL' ? 'FULL' : 'NORMAL'}`);
  db.exec(schema);
  const statement = db.prepare(insert);
  return { name, write: async () => statement.run(...values), close: () => db.close() };
}

function openOurs(name: SubjectName, file: string): Subject {
  const db = new Database(file, { logger: false, sentinel: { onCommit: name !== withoutSentinel } });
  db.exec(schema);
  const statement = db.prepare(insert);
  return { name, write: () => db.write(() => statement.run(...values)), close: () => db.close() };
}
