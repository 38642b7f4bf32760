import assert from 'node:assert/strict';
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { test } from 'node:test';
import { inspect } from 'node:util';
import Native from 'better-sqlite3';
import { difference, quiet, suite, thrownBy, type Bench } from './subjects.mts';

suite('constructor', bench => {
  const { Database } = bench;

  test('opens with and without new', () => {
    const one = new Database(bench.path(), quiet);
    const two = (Database as unknown as (file: string, options: object) => typeof one)(bench.path(), quiet);
    for (const db of [one, two]) {
      assert.ok(db instanceof Database);
      assert.equal(db.constructor, Database);
      assert.equal(Object.getPrototypeOf(db), Database.prototype);
      assert.equal(db.open, true);
      db.close();
    }
  });

  test('can be subclassed', () => {
    class Mine extends Database {
      greet(): string {
        return `hello ${this.name}`;
      }
    }
    const file = bench.path();
    const db = new Mine(file, quiet);
    assert.ok(db instanceof Mine && db instanceof Database);
    assert.equal(db.constructor, Mine);
    assert.equal(db.greet(), `hello ${file}`);
    assert.equal(db.exec('CREATE TABLE t (a)'), db);
    assert.equal(db.prepare('SELECT 1').database, db);
    assert.equal(db.transaction(() => db.inTransaction)(), true);
    db.close();
  });

  difference('A database is no instance of the class of better-sqlite3', bench, {
    theirs: () => assert.ok(bench.open() instanceof Native),
    ours: () => assert.ok(!((bench.open() as object) instanceof Native)),
  });

  test('has the members of better-sqlite3', () => {
    const members =
      'prepare transaction pragma explain backup serialize function aggregate table loadExtension exec close';
    for (const name of [...members.split(' '), 'defaultSafeIntegers', 'unsafeMode']) {
      assert.equal(typeof Reflect.get(Database.prototype, name), 'function', name);
    }
    assert.equal(typeof Database.SqliteError, 'function');
    assert.equal(Database.name, 'Database');
  });

  test('members are found by a loop over its properties, as tracers and mocks do', () => {
    const db = new Database(bench.path(), quiet);
    const found = (object: object): string[] => {
      const names: string[] = [];
      for (const name in object) names.push(name);
      return names;
    };
    const members = ['name', 'open', 'prepare', 'transaction', 'pragma', 'backup', 'function', 'exec', 'close'];
    assert.deepEqual(
      members.filter(name => !found(db).includes(name)),
      [],
    );
    const statement = db.prepare('SELECT 1');
    assert.deepEqual(
      ['source', 'busy', 'run', 'get', 'all', 'iterate', 'raw'].filter(name => !found(statement).includes(name)),
      [],
    );
    db.close();
  });

  test('shows name, open, inTransaction, readonly and memory as own enumerable properties', () => {
    const file = bench.path();
    const db = new Database(file, quiet);
    const shown = { name: file, open: true, inTransaction: false, readonly: false, memory: false };
    assert.deepEqual({ ...db }, shown);
    assert.match(inspect(db), /^Database \{/);
    assert.throws(() => Reflect.apply(Object.assign, Object, [db, { open: false }]), TypeError);
    db.close();
    assert.deepEqual({ ...db }, { ...shown, open: false });
  });

  test('is in memory, temporary, or a file, by its name', () => {
    const cases: [string | undefined | null, boolean, string][] = [
      [':memory:', true, ':memory:'],
      ['', true, ''],
      [undefined, true, ''],
      [null, true, ''],
      ['  :memory: ', true, '  :memory: '],
    ];
    for (const [name, memory, shown] of cases) {
      const db = new Database(name as string, quiet);
      assert.equal(db.memory, memory);
      assert.equal(db.name, shown);
      db.exec('CREATE TABLE t (a); INSERT INTO t VALUES (1)');
      assert.deepEqual(db.prepare('SELECT * FROM t').all(), [{ a: 1 }]);
      db.close();
    }
  });

  test('trims the file name and keeps it as given in name', () => {
    const file = bench.path();
    const db = new Database(`  ${file}\n`, quiet);
    db.exec('CREATE TABLE t (a)');
    assert.ok(existsSync(file));
    assert.equal(db.name, `  ${file}\n`);
    db.close();
  });

  test('takes relative paths', () => {
    const file = bench.path();
    const db = new Database(relative(process.cwd(), file), quiet);
    db.exec('CREATE TABLE t (a)');
    assert.ok(statSync(file).size > 0);
    db.close();
  });

  test('fileMustExist and readonly', () => {
    const missing = bench.path();
    assert.equal(thrownBy(() => new Database(missing, { ...quiet, fileMustExist: true })).code, 'SQLITE_CANTOPEN');
    assert.equal(thrownBy(() => new Database(missing, { ...quiet, readonly: true })).code, 'SQLITE_CANTOPEN');
    assert.equal(existsSync(missing), false);
    const file = bench.path();
    new Database(file, quiet).exec('CREATE TABLE t (a); INSERT INTO t VALUES (1)').close();
    const db = new Database(file, { ...quiet, readonly: true });
    assert.equal(db.readonly, true);
    assert.deepEqual(db.prepare('SELECT a FROM t').pluck().all(), [1]);
    assert.equal(thrownBy(() => db.exec('INSERT INTO t VALUES (2)')).code, 'SQLITE_READONLY');
    db.close();
  });

  test('a missing folder is a TypeError', () => {
    const error = thrownBy(() => new Database(join(bench.path(), 'missing', 'a.db'), quiet));
    assert.ok(error instanceof TypeError);
    assert.match(error.message, /directory does not exist/);
  });

  test('wrong arguments are TypeErrors and create nothing', () => {
    const file = bench.path();
    const wrong: unknown[][] = [
      [123.5],
      [true],
      [{}],
      [file, 'options'],
      [file, { readonly: 1 }],
      [file, { fileMustExist: 'yes' }],
      [file, { timeout: -1 }],
      [file, { timeout: 1.5 }],
      [file, { timeout: '5' }],
      [file, { verbose: 'log' }],
      [file, { readOnly: true }],
      [file, { memory: true }],
      [file, { nativeBinding: 5 }],
      [':memory:', { readonly: true }],
    ];
    for (const given of wrong) {
      const error = thrownBy(() => Reflect.construct(Database, given));
      assert.ok(error instanceof TypeError, `${inspect(given)} gave ${error.name}: ${error.message}`);
    }
    assert.equal(existsSync(file), false);
  });

  test('opens a Buffer, also read-only', () => {
    const source = bench.memory();
    source.exec("INSERT INTO t (a) VALUES ('kept')");
    const image = source.serialize();
    const db = new Database(image, quiet);
    assert.equal(db.memory, true);
    assert.deepEqual(db.prepare('SELECT a FROM t').pluck().all(), ['kept']);
    db.exec('DELETE FROM t');
    db.close();
    const frozen = new Database(image, { ...quiet, readonly: true });
    assert.equal(thrownBy(() => frozen.exec('DELETE FROM t')).code, 'SQLITE_READONLY');
    frozen.close();
  });

  test('nativeBinding as a path and as an addon', () => {
    const root = dirname(dirname(require_('better-sqlite3')));
    const addon = join(root, 'prebuilds', `${process.platform}-${process.arch}.node`);
    if (!existsSync(addon)) return;
    const db = new Database(bench.path(), { ...quiet, nativeBinding: addon });
    assert.equal(db.prepare('SELECT 1').pluck().get(), 1);
    db.close();
  });

  differences(bench);
});

function require_(name: string): string {
  return process
    .getBuiltinModule('node:module')
    .createRequire(import.meta.url)
    .resolve(name);
}

function differences(bench: Bench): void {
  const { Database } = bench;

  difference('The file is created, and checked, when it is opened', bench, {
    theirs() {
      const file = bench.path();
      writeFileSync(file, 'this is no database, but long enough to look at: '.repeat(20));
      const db = new Database(file);
      assert.equal(thrownBy(() => db.prepare('SELECT * FROM sqlite_schema')).code, 'SQLITE_NOTADB');
      db.close();
    },
    ours() {
      const file = bench.path();
      const text = 'this is no database, but long enough to look at: '.repeat(20);
      writeFileSync(file, text);
      const error = thrownBy(() => new Database(file, quiet));
      assert.equal(error.code, 'SQLITE_NOTADB');
      assert.equal(readFileSync(file, 'utf8'), text);
    },
  });

  difference('Unknown options are refused', bench, {
    theirs() {
      new Database(bench.path(), { busyTimeout: 5 } as object).close();
    },
    ours() {
      const error = thrownBy(() => new Database(bench.path(), { timout: 5 } as object));
      assert.equal(error.code, 'SAFE_SQLITE_INVALID_OPTION');
      assert.match(error.message, /`timout`.*`timeout`/);
    },
  });

  difference('An option that is undefined has its default', bench, {
    theirs() {
      assert.throws(() => new Database(bench.path(), { timeout: undefined }), TypeError);
    },
    ours() {
      new Database(bench.path(), { ...quiet, timeout: undefined, readonly: undefined }).close();
    },
  });

  difference('A timeout that is too large is a TypeError', bench, {
    theirs() {
      assert.throws(() => new Database(bench.path(), { timeout: 2 ** 31 }), RangeError);
    },
    ours() {
      assert.throws(() => new Database(bench.path(), { timeout: 2 ** 31 }), TypeError);
    },
  });

  difference('File descriptors are refused', bench, {
    theirs() {
      assert.throws(() => new Database(3 as unknown as string), /journalFd/);
    },
    ours() {
      const error = thrownBy(() => new Database(3 as unknown as string, quiet));
      assert.equal(error.code, 'SAFE_SQLITE_INVALID_OPTION');
      assert.match(error.message, /descriptor 3/);
    },
  });

  difference('URI file names are refused', bench, {
    theirs() {
      // Built with SQLITE_USE_URI=0, it looks for a file whose name is the whole URI.
      const uri = 'file:a.db?mode=memory';
      assert.equal(thrownBy(() => new Database(uri, { fileMustExist: true })).code, 'SQLITE_CANTOPEN');
    },
    ours() {
      assert.equal(thrownBy(() => new Database('file:a.db', quiet)).code, 'SAFE_SQLITE_INVALID_OPTION');
    },
  });

  difference('A file name with a NUL character is refused', bench, {
    theirs() {
      const name = bench.path();
      new Database(`${name}\0.txt`).exec('CREATE TABLE t (a)').close();
      assert.equal(new Database(name, { fileMustExist: true }).close().open, false);
    },
    ours() {
      const name = bench.path();
      assert.equal(thrownBy(() => new Database(`${name}\0.txt`, quiet)).code, 'SAFE_SQLITE_INVALID_OPTION');
      assert.equal(thrownBy(() => new Database(name, { ...quiet, fileMustExist: true })).code, 'SQLITE_CANTOPEN');
    },
  });

  difference('WAL and FULL from the first statement on', bench, {
    theirs() {
      const db = bench.open();
      assert.equal(db.pragma('journal_mode', { simple: true }), 'delete');
      db.pragma('journal_mode = WAL');
      assert.equal(db.pragma('synchronous', { simple: true }), 2);
      db.exec('INSERT INTO t (a) VALUES (1)');
      assert.equal(db.pragma('synchronous', { simple: true }), 1, 'the silent fall to NORMAL that ours prevents');
    },
    ours() {
      const db = bench.open();
      assert.equal(db.pragma('journal_mode', { simple: true }), 'wal');
      assert.equal(db.pragma('synchronous', { simple: true }), 2);
      db.exec('INSERT INTO t (a) VALUES (1)');
      assert.equal(db.pragma('synchronous', { simple: true }), 2);
    },
  });
}
