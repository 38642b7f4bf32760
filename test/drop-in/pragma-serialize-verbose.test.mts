import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { test } from 'node:test';
import { rollbackMode } from '../../dist/policy/protections.js';
import { difference, quiet, suite, thrownBy } from './subjects.mts';

suite('pragma, explain, serialize and verbose', bench => {
  test('pragma returns rows, or one value', () => {
    const db = bench.open();
    assert.deepEqual(db.pragma('user_version'), [{ user_version: 0 }]);
    assert.equal(db.pragma('user_version', { simple: true }), 0);
    db.pragma('user_version = 7');
    assert.equal(db.pragma('main.user_version', { simple: true }), 7);
    assert.equal(db.pragma('foreign_keys', { simple: true }), 1);
    db.pragma('foreign_keys = OFF');
    assert.equal(db.pragma('foreign_keys', { simple: true }), 0);
    assert.deepEqual(db.pragma('table_info(t)', { simple: true }), 0);
    assert.throws(() => db.pragma(5 as never), TypeError);
    assert.throws(() => db.pragma('user_version', 'simple' as never), TypeError);
    assert.throws(() => db.pragma('user_version', { simple: 1 as never }), TypeError);
    assert.equal(thrownBy(() => db.pragma('table_info(')).code, 'SQLITE_ERROR');
  });

  test('safe integers reach pragma, and nothing that the library asks for itself', async () => {
    const db = bench.open();
    db.defaultSafeIntegers(true);
    assert.equal(db.pragma('user_version', { simple: true }), 0n);
    assert.deepEqual(db.prepare('SELECT count(*) AS n FROM t').get(), { n: 0n });
    db.transaction(() => db.prepare('INSERT INTO t (a) VALUES (1)').run())();
    db.exec(`ATTACH '${bench.path('safe-integers.db')}' AS other`);
    db.exec('CREATE TABLE other.u (a); DETACH other');
    const explain = Reflect.get(db, 'explain') as (sql: string) => { addr: unknown }[];
    assert.equal(Reflect.apply(explain, db, ['SELECT 1'])[0]?.addr, 0n);
    const copy = bench.path('safe-integers-copy.db');
    await db.backup(copy);
    assert.equal(db.prepare('SELECT 1').pluck().get(), 1n);
    assert.equal(db.pragma('user_version', { simple: true }), 0n);
    db.close();
    assert.equal(new bench.Database(copy, { ...quiet, readonly: true }).prepare('SELECT a FROM t').pluck().get(), 1);
  });

  test('explain shows the program of a statement', () => {
    const db = bench.open();
    const explain = Reflect.get(db, 'explain') as (sql: string) => { opcode: string }[];
    const rows = Reflect.apply(explain, db, ['SELECT * FROM t WHERE id = ?']);
    assert.ok(rows.some(row => row.opcode === 'Halt'));
    const plan = Reflect.apply(explain, db, ['QUERY PLAN SELECT * FROM t']) as unknown as { detail: string }[];
    assert.match(plan[0]?.detail ?? '', /SCAN/);
    assert.throws(() => Reflect.apply(explain, db, [5]), TypeError);
  });

  test('serialize holds the content, attached schemas too', () => {
    const db = bench.memory();
    db.exec(
      "INSERT INTO t (a) VALUES ('x'); ATTACH ':memory:' AS other; CREATE TABLE other.u (a); INSERT INTO other.u VALUES (5)",
    );
    const main = new bench.Database(db.serialize(), quiet);
    assert.deepEqual(main.prepare('SELECT a FROM t').pluck().all(), ['x']);
    const other = new bench.Database(db.serialize({ attached: 'other' }), quiet);
    assert.deepEqual(other.prepare('SELECT a FROM u').pluck().all(), [5]);
    main.close();
    other.close();
    assert.throws(() => db.serialize({ attached: '' }), TypeError);
    assert.throws(() => db.serialize(5 as never), TypeError);
  });

  test('verbose sees the SQL of the application, with its values', () => {
    const seen: unknown[] = [];
    const db = new bench.Database(bench.path(), { ...quiet, verbose: sql => seen.push(sql) });
    db.exec('CREATE TABLE t (a); SELECT 1');
    db.prepare('INSERT INTO t VALUES (?)').run('x');
    db.prepare('SELECT * FROM t').all();
    for (const row of db.prepare('SELECT a FROM t').iterate()) assert.ok(row);
    db.pragma('user_version');
    db.close();
    assert.deepEqual(seen, [
      'CREATE TABLE t (a);',
      'SELECT 1',
      "INSERT INTO t VALUES ('x')",
      'SELECT * FROM t',
      'SELECT a FROM t',
      'PRAGMA user_version',
    ]);
  });

  test('verbose sees a transaction as better-sqlite3 writes it', () => {
    const seen: unknown[] = [];
    const db = new bench.Database(bench.path(), { ...quiet, verbose: sql => seen.push(sql) });
    const inner = db.transaction(() => {});
    const outer = db.transaction(() => inner());
    outer();
    outer.immediate();
    inner.deferred();
    db.close();
    const nested = ['SAVEPOINT `\t_bs3.\t`', 'RELEASE `\t_bs3.\t`', 'COMMIT'];
    assert.deepEqual(seen, ['BEGIN', ...nested, 'BEGIN IMMEDIATE', ...nested, 'BEGIN DEFERRED', 'COMMIT']);
  });

  test('an error of verbose is thrown, and the database goes on', () => {
    let fail = false;
    const mine = new Error('verbose');
    const db = new bench.Database(bench.path(), {
      ...quiet,
      verbose() {
        if (fail) throw mine;
      },
    });
    fail = true;
    assert.equal(
      thrownBy(() => db.exec('SELECT 1')),
      mine,
    );
    fail = false;
    db.exec('SELECT 1');
    db.close();
  });

  difference('serialize() of a WAL database can be opened', bench, {
    theirs() {
      const db = bench.open();
      db.pragma('journal_mode = WAL');
      const copy = new bench.Database(db.serialize());
      assert.match(thrownBy(() => copy.prepare('SELECT * FROM t').all()).message, /unable to open database file/);
    },
    ours() {
      const db = bench.open();
      assert.equal(db.pragma('journal_mode', { simple: true }), 'wal');
      db.exec("INSERT INTO t (a) VALUES ('in the WAL')");
      const copy = new bench.Database(db.serialize(), quiet);
      assert.deepEqual(copy.prepare('SELECT a FROM t').pluck().all(), ['in the WAL']);
      assert.equal(copy.pragma('integrity_check', { simple: true }), 'ok');
      copy.close();
    },
  });

  difference('SQL that takes a protection away is refused', bench, {
    theirs() {
      const db = bench.open();
      db.pragma('ignore_check_constraints = ON');
      assert.equal(db.pragma('ignore_check_constraints', { simple: true }), 1);
    },
    ours() {
      const db = bench.open();
      for (const call of [
        () => db.exec('PRAGMA writable_schema = ON'),
        () => db.pragma('writable_schema(1)'),
        () => db.prepare('/* fast */ PRAGMA "schema_version" = 7'),
        () => db.exec('SELECT 1; PRAGMA ignore_check_constraints = ON'),
        () => Reflect.apply(Reflect.get(db, 'explain') as () => unknown, db, ['PRAGMA writable_schema = ON']),
      ]) {
        assert.equal(thrownBy(call).code, 'SAFE_SQLITE_UNSAFE_STATEMENT');
      }
    },
  });

  difference('The automatic checkpoint of SQLite is off', bench, {
    theirs() {
      assert.equal(bench.open().pragma('wal_autocheckpoint', { simple: true }), 1000);
    },
    ours() {
      const db = bench.open();
      assert.equal(db.pragma('wal_autocheckpoint', { simple: true }), 0);
      assert.equal(db.pragma('wal_autocheckpoint = 1000', { simple: true }), 0);
    },
  });

  difference('A changed journal mode stays durable', bench, {
    theirs() {
      const db = bench.open();
      db.pragma('journal_mode = DELETE');
      assert.equal(db.pragma('synchronous', { simple: true }), 2, 'with DELETE a power cut can undo a FULL commit');
    },
    ours() {
      const db = bench.open();
      for (const [mode, level] of [
        ['DELETE', rollbackMode(process.platform) === 'delete' ? 3 : 2],
        ['TRUNCATE', 2],
        ['PERSIST', 2],
        ['WAL', 2],
      ] as const) {
        assert.equal(db.pragma(`journal_mode = ${mode}`, { simple: true }), mode.toLowerCase());
        db.exec('INSERT INTO t (a) VALUES (1)');
        assert.ok((db.pragma('synchronous', { simple: true }) as number) >= level, mode);
        // On Windows and macOS the journal is truncated, because its unlink cannot be made durable there.
        const held = mode === 'DELETE' ? rollbackMode(process.platform) : mode.toLowerCase();
        assert.equal(db.pragma('journal_mode', { simple: true }), held);
      }
    },
  });

  difference('An attached database is protected too', bench, {
    theirs() {
      const db = bench.open();
      db.exec(`ATTACH '${bench.path()}' AS other`);
      db.pragma('other.journal_mode = WAL');
      db.exec('CREATE TABLE other.u (a); INSERT INTO other.u VALUES (1)');
      assert.equal(db.pragma('other.synchronous', { simple: true }), 1);
    },
    ours() {
      const db = bench.open();
      db.exec(`ATTACH '${bench.path()}' AS other`);
      db.pragma('other.journal_mode = WAL');
      db.exec('CREATE TABLE other.u (a); INSERT INTO other.u VALUES (1)');
      assert.ok((db.pragma('other.synchronous', { simple: true }) as number) >= 2);
      db.exec('DETACH other');
      db.prepare('ATTACH ? AS ?').run(bench.path(), 'bound');
      assert.equal(db.pragma('bound.synchronous', { simple: true }), 3);
      db.exec('BEGIN');
      assert.equal(thrownBy(() => db.exec("ATTACH 'c.db' AS c")).code, 'SAFE_SQLITE_UNSAFE_STATEMENT');
      db.exec('ROLLBACK');
    },
  });

  test('ATTACH and DETACH take bound names and expressions', () => {
    const db = bench.open();
    const names = (): string[] => (db.pragma('database_list') as { name: string }[]).slice(1).map(({ name }) => name);
    const attach = db.prepare('ATTACH ? AS ?');
    assert.deepEqual([attach.reader, attach.readonly, attach.source], [false, true, 'ATTACH ? AS ?']);
    assert.deepEqual(attach.run(bench.path(), 'a'), { changes: 0, lastInsertRowid: 0 });
    attach.run([bench.path(), 'b b']);
    db.prepare('ATTACH DATABASE @file AS :name').run({ file: bench.path(), name: 'c' });
    db.prepare('ATTACH ?2 AS ?1').run({ 1: 'd', 2: bench.path() });
    db.prepare('ATTACH $f AS e').bind({ f: bench.path() }).run();
    db.prepare("ATTACH ? || '.db' AS lower('F')").run(bench.path());
    attach.run(':memory:', 'g');
    attach.run('', 'h');
    db.exec('ATTACH ? AS i; CREATE TABLE i.u (a)');
    assert.deepEqual(names(), ['a', 'b b', 'c', 'd', 'e', 'f', 'g', 'h', 'i']);
    db.exec('CREATE TABLE "b b".u (a); INSERT INTO "b b".u VALUES (1)');
    assert.equal(db.prepare('SELECT a FROM "b b".u').pluck().get(), 1);
    assert.throws(() => attach.run(), RangeError);
    assert.throws(() => attach.run('x'), RangeError);
    assert.throws(() => attach.all(bench.path(), 'x'), TypeError);
    assert.throws(() => attach.run(bench.path(), 'a'), { code: 'SQLITE_ERROR', message: /already in use/ });
    const detach = db.prepare('DETACH ?');
    for (const name of ['a', 'b b', 'c', 'd', 'e']) detach.run(name);
    db.prepare('DETACH DATABASE :name').run({ name: 'f' });
    db.exec("DETACH lower('G'); DETACH h; DETACH i");
    assert.deepEqual(names(), []);
    assert.throws(() => detach.run('nobody'), { code: 'SQLITE_ERROR', message: /no such database/ });
    for (const broken of ["ATTACH 'x'", 'ATTACH', 'DETACH', "ATTACH 'x' AS", "ATTACH ('x' AS y", 'VACUUM INTO']) {
      assert.throws(() => db.prepare(broken), { code: 'SQLITE_ERROR' }, broken);
      assert.throws(() => db.exec(broken), { code: 'SQLITE_ERROR' }, broken);
    }
  });

  test('VACUUM INTO a file that is written or bound', () => {
    const db = bench.open();
    const files = [bench.path(), bench.path(), bench.path()] as const;
    db.exec(`VACUUM INTO '${files[0]}'`);
    db.prepare('VACUUM main INTO ?').run(files[1]);
    db.prepare('VACUUM INTO $file').bind({ file: files[2] }).run();
    const computed = bench.path();
    db.exec(`VACUUM INTO '${computed}' || '-copy'`);
    for (const file of [...files, `${computed}-copy`]) {
      assert.equal(new bench.Database(file, quiet).close().open, false);
    }
    assert.throws(() => db.prepare('VACUUM INTO ?').run(5), { code: 'SQLITE_ERROR', message: 'non-text filename' });
    assert.match(thrownBy(() => db.prepare('VACUUM INTO ?').run(files[0])).message, /output file already exists/);
  });

  difference('VACUUM INTO writes where a backup could', bench, {
    theirs() {
      const db = bench.open();
      db.prepare('VACUUM INTO ?').run(`${db.name}-journal`);
      assert.ok(existsSync(`${db.name}-journal`));
    },
    ours() {
      const db = bench.open();
      const bound = db.prepare('VACUUM INTO ?');
      assert.equal(thrownBy(() => bound.run(`${db.name}-journal`)).code, 'SAFE_SQLITE_UNSAFE_STATEMENT');
      assert.ok(!existsSync(`${db.name}-journal`));
      const computed = `VACUUM INTO '${db.name}' || '-journal'`;
      assert.equal(thrownBy(() => db.exec(computed)).code, 'SAFE_SQLITE_UNSAFE_STATEMENT');
    },
  });
});
