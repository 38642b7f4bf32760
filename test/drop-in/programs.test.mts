/**
 * Runs small programs over better-sqlite3 and over this library, and compares what they see: better-sqlite3 is the measure.
 *
 * `startUp` has the lines that public code opens its database with most; the others are what applications do with it.
 */
import assert from 'node:assert/strict';
import { chmodSync, existsSync, mkdtempSync, readdirSync, realpathSync, rmSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { subjects, thrownBy, type Db, type Subject } from './subjects.mts';

const require = createRequire(import.meta.url);
const folder = realpathSync(mkdtempSync(join(tmpdir(), 'drop-in-programs-')));
after(() => rmSync(folder, { recursive: true, force: true }));

interface Place {
  readonly Database: Subject['Database'];
  /** A path in a folder of this run alone. */
  readonly path: (name?: string) => string;
  /** A new database at `path()` with a table of people. */
  readonly people: () => Db;
}

/** Returns what the program saw. */
type Program = (place: Place) => unknown;

/** What a call throws: the class that code looks at, and the code. */
function failure(call: () => unknown): unknown {
  try {
    return { returned: call() };
  } catch (error) {
    const { name, code } = error as { name: string; code?: string };
    return {
      threw: error instanceof TypeError ? 'TypeError' : error instanceof RangeError ? 'RangeError' : name,
      code: name === 'SqliteError' ? code : undefined,
    };
  }
}

/** The work of a program behind its start. */
function work(db: Db): unknown {
  db.exec('CREATE TABLE IF NOT EXISTS users (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE)');
  const insert = db.prepare('INSERT OR IGNORE INTO users (name) VALUES (?)');
  const changes = db.transaction((names: string[]) => names.map(name => insert.run(name).changes))([
    'Ada',
    'Bob',
    'Ada',
  ]);
  const seen = { changes, users: db.prepare('SELECT * FROM users ORDER BY id').all(), open: db.open };
  db.close();
  return seen;
}

/** By the line itself. `keys`: the value that it answers with is a difference of the page; it has the same columns. */
const startUp: Readonly<Record<string, { readonly run: (db: Db) => unknown; readonly keys?: true }>> = {
  "pragma('journal_mode = WAL')": { run: db => db.pragma('journal_mode = WAL') },
  'pragma("journal_mode=wal", { simple: true })': { run: db => db.pragma('journal_mode=wal', { simple: true }) },
  "pragma('synchronous = NORMAL')": { run: db => db.pragma('synchronous = NORMAL') },
  "pragma('synchronous = 1')": { run: db => db.pragma('synchronous = 1') },
  "pragma('foreign_keys = ON')": { run: db => [db.pragma('foreign_keys = ON'), db.pragma('foreign_keys')] },
  "pragma('foreign_keys = TRUE')": {
    run: db => [db.pragma('foreign_keys = TRUE'), db.pragma('foreign_keys', { simple: true })],
  },
  "pragma('busy_timeout = 5000')": {
    run: db => [db.pragma('busy_timeout = 5000'), db.pragma('busy_timeout', { simple: true })],
  },
  "pragma('cache_size = -64000')": { run: db => [db.pragma('cache_size = -64000'), db.pragma('cache_size')] },
  "pragma('cache_size = 10000')": { run: db => [db.pragma('cache_size = 10000'), db.pragma('cache_size')] },
  "pragma('temp_store = MEMORY')": { run: db => [db.pragma('temp_store = MEMORY'), db.pragma('temp_store')] },
  "pragma('mmap_size = 268435456')": { run: db => db.pragma('mmap_size = 268435456'), keys: true },
  "pragma('mmap_size = 30000000000')": { run: db => db.pragma('mmap_size = 30000000000'), keys: true },
  "pragma('page_size = 4096')": { run: db => [db.pragma('page_size = 4096'), db.pragma('page_size')] },
  "pragma('wal_autocheckpoint = 1000')": { run: db => db.pragma('wal_autocheckpoint = 1000'), keys: true },
  "pragma('journal_size_limit = 67108864')": { run: db => db.pragma('journal_size_limit = 67108864') },
  "pragma('auto_vacuum = INCREMENTAL')": { run: db => db.pragma('auto_vacuum = INCREMENTAL') },
  "pragma('optimize')": { run: db => db.pragma('optimize') },
  "pragma('threads = 8')": { run: db => db.pragma('threads = 8') },
  "pragma('recursive_triggers = ON')": {
    run: db => [db.pragma('recursive_triggers = ON'), db.pragma('recursive_triggers')],
  },
  'pragma(\'encoding = "UTF-8"\')': { run: db => [db.pragma('encoding = "UTF-8"'), db.pragma('encoding')] },
  "pragma('locking_mode = EXCLUSIVE')": { run: db => db.pragma('locking_mode = EXCLUSIVE'), keys: true },
  "exec('PRAGMA journal_mode=WAL;')": { run: db => db.exec('PRAGMA journal_mode=WAL;') === db },
  "exec('PRAGMA journal_mode = WAL; PRAGMA foreign_keys = ON; …')": {
    run: db => db.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA foreign_keys = ON;') === db,
  },
  'prepare("PRAGMA journal_mode = WAL").get()': { run: db => db.prepare('PRAGMA journal_mode = WAL').get() },
  'prepare("PRAGMA synchronous = NORMAL").run()': {
    run: db => db.prepare('PRAGMA synchronous = NORMAL').run().changes,
  },
  "pragma('user_version'), a migration, pragma('user_version = 1')": {
    run: db => {
      const before = db.pragma('user_version', { simple: true });
      db.transaction(() => {
        db.exec('CREATE TABLE migrated (a)');
        db.pragma('user_version = 1');
      })();
      return [before, db.pragma('user_version', { simple: true })];
    },
  },
  'ALTER TABLE where table_info lacks a column': {
    run: db => {
      db.exec('CREATE TABLE grown (a)');
      const columns = db.prepare('PRAGMA table_info(grown)').all() as { name: string }[];
      if (!columns.some(({ name }) => name === 'b')) db.exec("ALTER TABLE grown ADD COLUMN b TEXT DEFAULT ''");
      return (db.pragma('table_info(grown)') as { name: string }[]).map(({ name }) => name);
    },
  },
  "pragma('wal_checkpoint(TRUNCATE)')": {
    run: db => {
      db.pragma('journal_mode = WAL');
      return db.pragma('wal_checkpoint(TRUNCATE)');
    },
  },
  "prepare('PRAGMA integrity_check').get()": { run: db => db.prepare('PRAGMA integrity_check').get() },
};

const queries: Readonly<Record<string, Program>> = {
  'a row is an object with the columns in order': place =>
    Object.entries(place.people().prepare('SELECT * FROM people').get() as object),
  'get of nothing is undefined': place => place.people().prepare('SELECT * FROM people WHERE id = 99').get(),
  'all of nothing is an empty array': place => place.people().prepare('SELECT * FROM people WHERE id = 99').all(),
  'named parameters by @, : and $': place =>
    place.people().prepare('SELECT @a AS a, :b AS b, $c AS c').get({ a: 1, b: 'two', c: null }),
  'a missing named parameter': place => failure(() => place.people().prepare('SELECT @a').get({})),
  'too many parameters': place => failure(() => place.people().prepare('SELECT ?').get(1, 2)),
  'an array of parameters': place => place.people().prepare('SELECT ?, ?').raw().get([1, 2]),
  'numbered parameters': place => failure(() => place.people().prepare('SELECT ?2 AS b, ?1 AS a').get(1, 2)),
  'a boolean cannot be bound': place =>
    failure(() =>
      place
        .people()
        .prepare('SELECT ?')
        .get(true as never),
    ),
  'a Date cannot be bound': place =>
    failure(() =>
      place
        .people()
        .prepare('SELECT ?')
        .get(new Date(0) as never),
    ),
  'undefined cannot be bound': place =>
    failure(() =>
      place
        .people()
        .prepare('SELECT ?')
        .get(undefined as never),
    ),
  'a Buffer comes back': place =>
    place
      .people()
      .prepare('SELECT ? AS b')
      .get(Buffer.from([0, 255])),
  'a Uint8Array comes back as a Buffer': place =>
    Buffer.isBuffer(
      place
        .people()
        .prepare('SELECT ?')
        .pluck()
        .get(new Uint8Array([1])),
    ),
  'integers above 2 ** 53 lose their last digits': place =>
    place.people().prepare('SELECT 9007199254740993 AS n').get(),
  'safeIntegers keeps them': place =>
    String(place.people().prepare('SELECT 9007199254740993').safeIntegers().pluck().get()),
  'a bigint can be bound': place => place.people().prepare('SELECT typeof(?), ?').raw().get(5n, 6n),
  'a bigint above 64 bits': place =>
    failure(() =>
      place
        .people()
        .prepare('SELECT ?')
        .get(2n ** 64n),
    ),
  'NaN and Infinity': place => place.people().prepare('SELECT ?, ?').raw().get(Number.NaN, Number.POSITIVE_INFINITY),
  'text with NUL and emoji': place => place.people().prepare('SELECT ?').pluck().get('a\0b😀'),
  'two columns of one name': place => place.people().prepare('SELECT 1 AS a, 2 AS a').get(),
  'expand groups by table': place =>
    place.people().prepare('SELECT * FROM people JOIN pets ON owner = people.id').expand().get(),
  'pluck and raw exclude each other': place => {
    const statement = place.people().prepare('SELECT id, name FROM people').pluck();
    return [statement.get(), statement.raw().get(), statement.pluck().get()];
  },
  'columns()': place => place.people().prepare('SELECT id, name AS called, 1 + 1 FROM people').columns(),
  'columns() of what returns nothing': place => failure(() => place.people().prepare('DELETE FROM people').columns()),
  'run of a SELECT': place => failure(() => place.people().prepare('SELECT 1').run()),
  'get of an INSERT': place => failure(() => place.people().prepare("INSERT INTO people (name) VALUES ('x')").get()),
  'INSERT … RETURNING by get and all': place => {
    const db = place.people();
    return [
      db.prepare("INSERT INTO people (name) VALUES ('Eve') RETURNING id").get(),
      db.prepare('UPDATE people SET name = upper(name) RETURNING name').all(),
    ];
  },
  'lastInsertRowid and changes': place =>
    place.people().prepare("INSERT INTO people (name) VALUES ('Eve'), ('Max')").run(),
  'an UPSERT': place =>
    place
      .people()
      .prepare("INSERT INTO people (id, name) VALUES (1, 'New') ON CONFLICT (id) DO UPDATE SET name = excluded.name")
      .run(),
  'an iterator that is left early': place => {
    const db = place.people();
    const seen: unknown[] = [];
    for (const row of db.prepare('SELECT name FROM people ORDER BY id').pluck().iterate()) {
      seen.push(row);
      break;
    }
    db.exec("INSERT INTO people (name) VALUES ('Eve')");
    return seen;
  },
  'a write inside a loop over rows': place => {
    const db = place.people();
    return failure(() => {
      for (const _ of db.prepare('SELECT * FROM people').iterate()) db.exec('DELETE FROM people');
    });
  },
  'the same statement inside its own loop': place => {
    const statement = place.people().prepare('SELECT * FROM people');
    return failure(() => {
      for (const _ of statement.iterate()) statement.get();
    });
  },
  'bind permanently': place => {
    const statement = place.people().prepare('SELECT name FROM people WHERE id = ?').bind(2);
    return [statement.get(), failure(() => statement.get(1)), failure(() => statement.bind(3))];
  },
  'JSON functions': place =>
    place
      .people()
      .prepare(`SELECT json_extract('{"a":[1,2]}', '$.a[1]') AS b, json_group_array(name) AS all_names FROM people`)
      .get(),
  'full text search': place => {
    const db = place.people();
    db.exec("CREATE VIRTUAL TABLE docs USING fts5(body); INSERT INTO docs VALUES ('the quick fox'), ('a slow dog')");
    return db.prepare("SELECT highlight(docs, 0, '[', ']') AS hit FROM docs WHERE docs MATCH 'quick'").all();
  },
  'a recursive query': place =>
    place
      .people()
      .prepare('WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 5) SELECT sum(x) AS s FROM n')
      .get(),
  'window functions': place =>
    place.people().prepare('SELECT name, row_number() OVER (ORDER BY name DESC) AS n FROM people').all(),
  dates: place =>
    place.people().prepare("SELECT date('2026-01-31', '+1 month') AS d, unixepoch('2026-01-01') AS u").get(),
  'STRICT and generated columns': place => {
    const db = place.people();
    db.exec('CREATE TABLE strict (a INTEGER, b INTEGER AS (a * 2) STORED) STRICT; INSERT INTO strict VALUES (4)');
    return [
      db.prepare('SELECT * FROM strict').all(),
      failure(() => db.prepare('INSERT INTO strict VALUES (?)').run('x')),
    ];
  },
  'a temporary table': place => {
    const db = place.people();
    db.exec('CREATE TEMP TABLE scratch AS SELECT name FROM people');
    return db.prepare('SELECT count(*) AS n FROM temp.scratch').get();
  },
};

const writes: Readonly<Record<string, Program>> = {
  'a unique constraint': place => failure(() => place.people().exec("INSERT INTO people (id, name) VALUES (1, 'x')")),
  'a NOT NULL constraint': place => failure(() => place.people().exec('INSERT INTO people (name) VALUES (NULL)')),
  'a CHECK constraint': place => failure(() => place.people().exec("INSERT INTO pets (owner, name) VALUES (1, '')")),
  'a foreign key, which is on by default': place =>
    failure(() => place.people().exec("INSERT INTO pets (owner, name) VALUES (99, 'Rex')")),
  'RAISE in a trigger': place => {
    const db = place.people();
    db.exec("CREATE TRIGGER no_delete BEFORE DELETE ON people BEGIN SELECT RAISE(ABORT, 'kept'); END");
    return failure(() => db.exec('DELETE FROM people'));
  },
  'a transaction that throws': place => {
    const db = place.people();
    const result = failure(() =>
      db.transaction(() => {
        db.exec('DELETE FROM pets');
        throw new TypeError('no');
      })(),
    );
    return [result, db.prepare('SELECT count(*) FROM pets').pluck().get(), db.inTransaction];
  },
  'a nested transaction that fails inside one that goes on': place => {
    const db = place.people();
    const inner = db.transaction(() => {
      db.exec('DELETE FROM pets');
      throw new Error('inner');
    });
    db.transaction(() => {
      db.exec("INSERT INTO people (name) VALUES ('Eve')");
      failure(inner);
    })();
    return [
      db.prepare('SELECT count(*) FROM pets').pluck().get(),
      db.prepare('SELECT count(*) FROM people').pluck().get(),
    ];
  },
  'a transaction with arguments, this and a result': place => {
    const db = place.people();
    const add = db.transaction(function add(this: { prefix: string }, name: string) {
      return db.prepare('INSERT INTO people (name) VALUES (?)').run(this.prefix + name).lastInsertRowid;
    });
    return [
      add.call({ prefix: 'Dr ' }, 'Eve'),
      add.immediate.call({ prefix: 'Mr ' }, 'Max'),
      db.prepare('SELECT name FROM people').pluck().all(),
    ];
  },
  'BEGIN inside a transaction': place => {
    const db = place.people();
    return failure(() => db.transaction(() => db.exec('BEGIN'))());
  },
  'ROLLBACK without a transaction': place => failure(() => place.people().exec('ROLLBACK')),
  'BEGIN, SAVEPOINT, ROLLBACK TO, RELEASE, COMMIT by hand': place => {
    const db = place.people();
    db.exec("BEGIN; INSERT INTO people (name) VALUES ('Eve'); SAVEPOINT s; DELETE FROM pets; ROLLBACK TO s; RELEASE s");
    const inside = db.inTransaction;
    db.exec('COMMIT');
    return [inside, db.inTransaction, db.prepare('SELECT count(*) FROM pets').pluck().get()];
  },
  'an error in the middle of a script': place => {
    const db = place.people();
    return [
      failure(() =>
        db.exec("INSERT INTO people (name) VALUES ('Eve'); INSERT INTO nowhere VALUES (1); DELETE FROM people"),
      ),
      db.prepare('SELECT count(*) FROM people').pluck().get(),
    ];
  },
  'exec of nothing, of a comment, of a semicolon': place => {
    const db = place.people();
    return [db.exec('') === db, db.exec('-- nothing') === db, db.exec(';;') === db];
  },
  'prepare of nothing, and of two statements': place => {
    const db = place.people();
    return [failure(() => db.prepare('')), failure(() => db.prepare('SELECT 1; SELECT 2'))];
  },
  'a syntax error': place => failure(() => place.people().prepare('SELEC 1')),
  'a table that is not there': place => failure(() => place.people().prepare('SELECT * FROM nowhere')),
  'two connections: one sees what the other commits': place => {
    const db = place.people();
    const other = new place.Database(db.name);
    db.exec("INSERT INTO people (name) VALUES ('Eve')");
    const seen = other.prepare('SELECT count(*) FROM people').pluck().get();
    other.close();
    return seen;
  },
  'two connections: the second writer meets SQLITE_BUSY': place => {
    const db = place.people();
    const other = new place.Database(db.name, { timeout: 0 });
    db.exec('BEGIN IMMEDIATE');
    const met = failure(() => other.exec("INSERT INTO people (name) VALUES ('Eve')"));
    db.exec('ROLLBACK');
    other.close();
    return met;
  },
  'a readonly connection': place => {
    const db = place.people();
    const other = new place.Database(db.name, { readonly: true });
    other.pragma('query_only = ON');
    const seen = [
      other.readonly,
      other.prepare('SELECT count(*) FROM people').pluck().get(),
      failure(() => other.exec('DELETE FROM people')),
    ];
    other.close();
    return seen;
  },
  'PRAGMA query_only': place => {
    const db = place.people();
    db.pragma('query_only = ON');
    const met = failure(() => db.exec('DELETE FROM people'));
    db.pragma('query_only = OFF');
    return [met, db.prepare('DELETE FROM pets').run().changes];
  },
  'foreign keys off, a table rebuilt, and on again': place => {
    const db = place.people();
    db.pragma('foreign_keys = OFF');
    db.transaction(() =>
      db.exec(
        'CREATE TABLE new_people (id INTEGER PRIMARY KEY, name TEXT); INSERT INTO new_people SELECT * FROM people; DROP TABLE people; ALTER TABLE new_people RENAME TO people',
      ),
    )();
    db.pragma('foreign_keys = ON');
    return [db.pragma('foreign_key_check'), db.prepare('SELECT count(*) FROM pets').pluck().get()];
  },
  'VACUUM, REINDEX and ANALYZE': place => {
    const db = place.people();
    db.exec('VACUUM; REINDEX; ANALYZE');
    return db.pragma('quick_check', { simple: true });
  },
};

const members: Readonly<Record<string, Program>> = {
  'the constructor without new, and a relative name': place => {
    const open = place.Database as unknown as (name: string) => Db;
    const db = open(place.path());
    return [db instanceof place.Database, db.open, work(db)];
  },
  'a database in memory': place => work(new place.Database(':memory:')),
  'a temporary database': place => work(new place.Database('')),
  'fileMustExist: false, verbose: undefined where it is not set': place =>
    work(new place.Database(place.path(), { fileMustExist: false })),
  'a file that must exist and does not': place =>
    failure(() => new place.Database(place.path('missing.db'), { fileMustExist: true })),
  'a missing folder': place => failure(() => new place.Database(join(place.path(), 'missing', 'a.db'))),
  'chmod of the file right after the open': place => {
    const file = place.path();
    const db = new place.Database(file);
    db.exec('CREATE TABLE t (a)');
    chmodSync(file, 0o600);
    const seen = work(db);
    return [seen, statSync(file).mode & 0o777];
  },
  'a database behind a Proxy that opens it when it is first used': place => {
    let db: Db | undefined;
    const lazy = new Proxy({} as Db, {
      get(_, name) {
        db ??= place.people();
        const value: unknown = Reflect.get(db, name);
        return typeof value === 'function' ? value.bind(db) : value;
      },
    });
    return [lazy.prepare('SELECT count(*) FROM people').pluck().get(), lazy.open];
  },
  'user functions, also with varargs and deterministic': place => {
    const db = place.people();
    db.function('shout', { deterministic: true }, (text: unknown) => `${String(text).toUpperCase()}!`);
    db.function('total', { varargs: true }, (...values: number[]) => values.reduce((sum, value) => sum + value, 0));
    return db.prepare('SELECT shout(name) AS s, total(1, 2, 3) AS t FROM people').all();
  },
  'a user function that throws': place => {
    const db = place.people();
    db.function('fails', () => {
      throw new RangeError('mine');
    });
    return failure(() => db.prepare('SELECT fails()').get());
  },
  'an aggregate': place => {
    const db = place.people();
    db.aggregate('longest', {
      start: '',
      step: (best: string, next: string) => (next.length > best.length ? next : best),
    });
    return db.prepare('SELECT longest(name) AS l FROM people').get();
  },
  'a table-valued function': place => {
    const db = place.people();
    db.table('series', {
      columns: ['value'],
      parameters: ['stop'],
      *rows(stop: unknown) {
        for (let value = 1; value <= Number(stop); value += 1) yield [value];
      },
    });
    return db.prepare('SELECT sum(value) AS s FROM series(4)').get();
  },
  'serialize and open the Buffer': place => {
    const image = place.people().serialize();
    const db = new place.Database(image);
    const seen = [Buffer.isBuffer(image), failure(() => db.prepare('SELECT name FROM people').pluck().all())];
    db.close();
    // The image of a database in WAL mode cannot be opened with better-sqlite3, so this one has a rollback journal.
    return seen;
  },
  'ATTACH by a bound name, a join, DETACH': place => {
    const db = place.people();
    const other = place.path('other.db');
    db.prepare('ATTACH ? AS other').run(other);
    db.exec("CREATE TABLE other.notes (person INTEGER, text); INSERT INTO other.notes VALUES (1, 'hi')");
    const seen = db.prepare('SELECT name, text FROM people JOIN other.notes ON person = people.id').all();
    db.prepare('DETACH ?').run('other');
    return [seen, (db.pragma('database_list') as { name: string }[]).map(({ name }) => name)];
  },
  explain: place => Array.isArray(place.people().prepare('EXPLAIN QUERY PLAN SELECT * FROM people').all()),
  'verbose gets the SQL': place => {
    const said: unknown[] = [];
    const db = new place.Database(place.path(), { verbose: message => said.push(message) });
    db.exec('CREATE TABLE t (a)');
    db.prepare('INSERT INTO t VALUES (?)').run(5);
    db.close();
    return said;
  },
  'close twice, and use afterwards': place => {
    const db = place.people();
    const statement = db.prepare('SELECT 1');
    return [
      db.close() === db,
      db.close() === db,
      db.open,
      failure(() => statement.get()),
      failure(() => db.exec('SELECT 1')),
      failure(() => db.prepare('SELECT 1')),
    ];
  },
  'close leaves one file': place => {
    const db = place.people();
    const { name } = db;
    db.close();
    return readdirSync(join(name, '..')).length;
  },
  'instanceof, names and the error class': place => {
    const { Database } = place;
    const db = place.people();
    const error = new Database.SqliteError('mine', 'SQLITE_BUSY');
    return [
      db instanceof Database,
      Database.name,
      db.prepare('SELECT 1').constructor.name,
      error instanceof Error,
      error.name,
      error.code,
      error.message,
    ];
  },
  'a subclass': place => {
    class Store extends place.Database {
      names(): unknown[] {
        return this.prepare('SELECT name FROM people').pluck().all();
      }
    }
    const { name } = place.people();
    const store = new Store(name);
    const seen = [store.names(), store instanceof Store, store.constructor.name];
    store.close();
    return seen;
  },
  'JSON.stringify and keys of a handle': place => {
    const db = place.people();
    return [Object.keys(db), Object.keys(JSON.parse(JSON.stringify(db)) as object)];
  },
  'require() with a name at once': place => {
    const specifier = subjects.find(({ Database }) => Database === place.Database)?.specifier ?? '';
    return work((require(specifier) as (name: string) => Db)(place.path()));
  },
};

let count = 0;

function run(Database: Subject['Database'], program: Program): unknown {
  const own = mkdtempSync(join(folder, `${(count += 1)}-`));
  const opened: Db[] = [];
  const place: Place = {
    Database,
    path: (name = 'app.db') => join(own, name),
    people() {
      const db = new Database(join(own, 'app.db'));
      opened.push(db);
      db.exec(`
        CREATE TABLE people (id INTEGER PRIMARY KEY, name TEXT NOT NULL);
        CREATE TABLE pets (owner INTEGER NOT NULL REFERENCES people, name TEXT CHECK (name <> ''));
        INSERT INTO people (name) VALUES ('Ada'), ('Bob');
        INSERT INTO pets VALUES (1, 'Tom'), (2, 'Kit');
      `);
      return db;
    },
  };
  try {
    return program(place);
  } finally {
    for (const db of opened) db.close();
    assert.ok(existsSync(own));
  }
}

const [theirs, ours] = subjects as readonly [Subject, Subject];
const groups = { queries, writes, members } as const;

describe('programs see the same over both libraries', () => {
  for (const [group, programs] of Object.entries(groups)) {
    for (const [name, program] of Object.entries(programs)) {
      test(`${group}: ${name}`, () => assert.deepEqual(run(ours.Database, program), run(theirs.Database, program)));
    }
  }
});

describe('the start-up lines of public code run, answer alike, and the program after them works', () => {
  for (const [line, { run: start, keys }] of Object.entries(startUp)) {
    test(line, () => {
      const program: Program = ({ Database, path }) => {
        const db = new Database(path());
        const answer = start(db);
        return [keys === true ? (answer as object[]).map(row => Object.keys(row)) : answer, work(db)];
      };
      assert.deepEqual(run(ours.Database, program), run(theirs.Database, program));
    });
  }
});

test('a transaction function is called as there, and ATTACH without its folder fails as there', () => {
  const program: Program = ({ path, people }) => {
    const db = people();
    const { name } = db.transaction(() => 1);
    const file = join(path('none'), 'x.db');
    const failures = [
      () => db.prepare('ATTACH ? AS x').run(file),
      () => db.exec(`ATTACH '${file}' AS x`),
      () => db.exec(`VACUUM INTO '${file}'`),
    ].map(call => {
      const error = thrownBy(call);
      return [error.name, error.code, error.message.replaceAll(file, 'FILE').split(' (')[0]];
    });
    return [name, failures, db.inTransaction];
  };
  const seen = run(ours.Database, program);
  assert.deepEqual(seen, run(theirs.Database, program));
  assert.match(JSON.stringify(seen), /sqliteTransaction.*SQLITE_CANTOPEN.*unable to open database: FILE/);
});

test('there are at least 75 programs, and 20 lines to start with', () => {
  const programs = Object.values(groups).reduce((sum, each) => sum + Object.keys(each).length, 0);
  assert.ok(programs >= 75, String(programs));
  assert.ok(Object.keys(startUp).length >= 20);
});
