/** The libraries that are compared, each with the same work: WAL, and FULL except where the name says otherwise. */
import { DatabaseSync, backup as nodeBackup } from 'node:sqlite';
import BetterSqlite3 from 'better-sqlite3';
import Libsql from 'libsql';
import { Database } from 'safe-sqlite';

export const subjectNames = [
  'better-sqlite3, FULL',
  'better-sqlite3, NORMAL',
  'node:sqlite, FULL',
  'libsql, FULL',
  'safe-sqlite',
  'safe-sqlite, db.write',
  'safe-sqlite, db.reader',
] as const;
export type SubjectName = (typeof subjectNames)[number];

/** One library with its database. A member is null where it is the same as that of another subject, or does not exist. */
export interface Subject {
  readonly name: SubjectName;
  readonly read: ((id: number) => unknown) | null;
  readonly readHundred: ((id: number) => unknown) | null;
  readonly write: (() => unknown) | null;
  /** Inserts so many rows in one transaction. */
  readonly load: ((rows: number) => void) | null;
  /** A query that reads nothing and computes for so many steps. */
  readonly report: ((steps: number) => unknown) | null;
  readonly backup: ((file: string) => Promise<void> | void) | null;
  close(): void;
}

const schema = 'CREATE TABLE IF NOT EXISTS t (id INTEGER PRIMARY KEY, text TEXT, number INTEGER)';
const sql = {
  one: 'SELECT id, text, number FROM t WHERE id = ?',
  hundred: 'SELECT id, text, number FROM t WHERE id >= ? LIMIT 100',
  insert: 'INSERT INTO t (text, number) VALUES (?, ?)',
  report: 'WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?) SELECT sum(i % 7) FROM n',
};
const values = ['a row of the length that a small event or comment has in real life', 42] as const;

/** The calls that better-sqlite3, libsql and this library have in common. */
interface Native {
  exec(text: string): unknown;
  prepare(text: string): {
    get(...parameters: unknown[]): unknown;
    all(...parameters: unknown[]): unknown;
    run(...parameters: unknown[]): unknown;
  };
}

function common(db: Native): Omit<Subject, 'name' | 'backup' | 'close'> {
  db.exec(schema);
  const [one, hundred, insert, report] = [sql.one, sql.hundred, sql.insert, sql.report].map(text => db.prepare(text));
  return {
    read: id => one?.get(id),
    readHundred: id => hundred?.all(id),
    write: () => insert?.run(...values),
    load: rows => {
      db.exec('BEGIN');
      for (let row = 0; row < rows; row += 1) insert?.run(...values);
      db.exec('COMMIT');
    },
    report: steps => report?.get(steps),
  };
}

const nothing = { read: null, readHundred: null, write: null, load: null, report: null, backup: null };

const openers: Readonly<Record<SubjectName, (file: string) => Omit<Subject, 'name'>>> = {
  'better-sqlite3, FULL': file => openRaw(file, 'FULL'),
  'better-sqlite3, NORMAL': file => openRaw(file, 'NORMAL'),
  'node:sqlite, FULL': file => {
    const db = new DatabaseSync(file);
    db.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL');
    const calls = common(db as unknown as Native);
    return { ...calls, backup: async to => void (await nodeBackup(db, to)), close: () => db.close() };
  },
  'libsql, FULL': file => {
    const db = new Libsql(file);
    db.exec('PRAGMA journal_mode = WAL');
    db.exec('PRAGMA synchronous = FULL');
    // It has no backup of its own that works on a file: its documentation names VACUUM INTO.
    return {
      ...common(db as unknown as Native),
      backup: to => void db.exec(`VACUUM INTO '${to}'`),
      close: () => void db.close(),
    };
  },
  'safe-sqlite': file => {
    const db = new Database(file, { logger: false });
    return {
      ...common(db as unknown as Native),
      backup: async to => void (await db.backup(to)),
      close: () => db.close(),
    };
  },
  'safe-sqlite, db.write': file => {
    const db = new Database(file, { logger: false });
    db.exec(schema);
    const insert = db.prepare(sql.insert);
    const { read, readHundred } = common(db as unknown as Native);
    return {
      ...nothing,
      read,
      readHundred,
      write: () => db.write(() => insert.run(...values)),
      close: () => db.close(),
    };
  },
  'safe-sqlite, db.reader': file => {
    const db = new Database(file, { logger: false });
    db.exec(schema);
    const insert = db.prepare(sql.insert);
    return {
      ...nothing,
      read: id => db.reader.get(sql.one, [id]),
      readHundred: id => db.reader.all(sql.hundred, [id]),
      write: () => db.write(() => insert.run(...values)),
      report: steps => db.reader.get(sql.report, [steps]),
      close: () => db.close(),
    };
  },
};

function openRaw(file: string, synchronous: 'FULL' | 'NORMAL'): Omit<Subject, 'name'> {
  const db = new BetterSqlite3(file);
  db.pragma('journal_mode = WAL');
  db.pragma(`synchronous = ${synchronous}`);
  return {
    ...common(db as unknown as Native),
    backup: async to => void (await db.backup(to)),
    close: () => void db.close(),
  };
}

export function openSubject(name: SubjectName, file: string): Subject {
  return { name, ...openers[name](file) };
}
