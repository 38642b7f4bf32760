// A database with everything that a copy could lose, and a way to compare two of them row by row.
import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import type NativeDatabase from 'better-sqlite3';
import { Native } from './fixture.mts';

/** Creates the database at `path`, by default with pages of 8192 bytes in UTF-16, and leaves its last rows in the WAL. */
export function richDatabase(
  t: TestContext,
  path: string,
  { pageSize, encoding, autoVacuum } = { pageSize: 8192, encoding: 'UTF-16le', autoVacuum: 'INCREMENTAL' },
): NativeDatabase.Database {
  const db = new Native(path);
  t.after(() => db.close());
  db.exec(`PRAGMA page_size=${pageSize}; PRAGMA encoding='${encoding}'; PRAGMA auto_vacuum=${autoVacuum}; PRAGMA journal_mode=WAL;
    PRAGMA wal_autocheckpoint=0; PRAGMA user_version=42; PRAGMA application_id=0x5AFE;
    CREATE TABLE person (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL COLLATE NOCASE UNIQUE, born REAL,
      photo BLOB, shout TEXT GENERATED ALWAYS AS (upper(name)) VIRTUAL, stored INT GENERATED ALWAYS AS (length(name)) STORED);
    CREATE TABLE pair (a TEXT, b INT, c TEXT, PRIMARY KEY (a, b)) WITHOUT ROWID;
    CREATE TABLE strict_one (x ANY) STRICT;
    CREATE INDEX born_index ON person (born) WHERE born IS NOT NULL;
    CREATE INDEX expression_index ON person (lower(name) DESC);
    CREATE VIEW adult AS SELECT id, name FROM person WHERE born < 2008;
    CREATE TABLE log (what TEXT);
    CREATE TRIGGER noted AFTER INSERT ON person BEGIN INSERT INTO log VALUES ('new ' || new.name); END;
    CREATE VIRTUAL TABLE words USING fts5 (body, tokenize='unicode61');
    CREATE VIRTUAL TABLE box USING rtree (id, x0, x1);
    INSERT INTO box VALUES (1, 0, 1), (2, 5, 9);
    ANALYZE`);
  addRows(db, 0, 100);
  db.pragma('wal_checkpoint(TRUNCATE)');
  db.exec('DELETE FROM person WHERE id BETWEEN 20 AND 40');
  addRows(db, 100, 150);
  return db;
}

function addRows(db: NativeDatabase.Database, from: number, to: number): void {
  const person = db.prepare('INSERT INTO person (name, born, photo) VALUES (?, ?, randomblob(?))');
  const pair = db.prepare('INSERT INTO pair VALUES (?, ?, ?)');
  const words = db.prepare('INSERT INTO words VALUES (?)');
  db.transaction(() => {
    for (let n = from; n < to; n++) {
      person.run(`Zoë ${n} 🌊`, n % 3 === 0 ? null : 1950 + n / 2, n * 50);
      pair.run(`k${n % 7}`, n, null);
      words.run(`the quick brown fox number ${n}`);
      db.prepare('INSERT INTO strict_one VALUES (?)').run(n % 2 === 0 ? 2n ** 62n : Buffer.from([0, 1]));
    }
  })();
}

/** Everything that can be read of a database: header, schema, and every row of every table with its rowid. */
export function contentOf(path: string): unknown {
  const db = new Native(path, { readonly: true });
  try {
    db.defaultSafeIntegers();
    const schema = db.prepare('SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY name').all() as {
      type: string;
      name: string;
      sql: string | null;
    }[];
    const tables = schema.filter(({ type }) => type === 'table' || type === 'view');
    const header = ['page_size', 'encoding', 'user_version', 'application_id', 'auto_vacuum'].map(name =>
      db.pragma(name, { simple: true }),
    );
    assert.deepEqual(db.pragma('integrity_check'), [{ integrity_check: 'ok' }]);
    return {
      header,
      schema,
      rows: Object.fromEntries(tables.map(({ name }) => [name, db.prepare(`SELECT * FROM "${name}"`).raw().all()])),
      rowids: db.prepare('SELECT rowid, name FROM person ORDER BY rowid').raw().all(),
      found: db.prepare("SELECT rowid, body FROM words WHERE words MATCH 'number AND 14*'").raw().all(),
      boxes: db.prepare('SELECT id FROM box WHERE x0 < 6 AND x1 > 4').raw().all(),
      sequence: db.prepare('SELECT * FROM sqlite_sequence').raw().all(),
    };
  } finally {
    db.close();
  }
}
