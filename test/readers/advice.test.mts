/** Tests what the errors of `db.reader` say to do, and that it helps. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { Database, InvalidOptionError, openDatabase, UnsafeStatementError } from 'safe-sqlite';
import { hintAboutMissing } from '../../dist/readers/only-here.js';
import { whyQueued } from '../../dist/readers/why-queued.js';
import { createBench, endless, untilRunning } from './fixture.mts';

async function failureOf(call: Promise<unknown>): Promise<{ message: string; hint: string }> {
  const error: unknown = await call.then(
    () => assert.fail('it resolved'),
    (reason: unknown) => reason,
  );
  return error as { message: string; hint: string };
}

describe('a call that waited until its limit', () => {
  const idle = {
    inSnapshot: false,
    openOnConnection: null,
    max: 2,
    busy: 0,
    snapshots: 0,
    loops: 0,
    startingMs: [],
    dying: 0,
    setup: false,
  } as const;

  test('says for what, and what to change', () => {
    const cases: [facts: Partial<Parameters<typeof whyQueued>[0]>, why: RegExp, hint: RegExp][] = [
      [{ busy: 2 }, /2 of at most 2 readers are busy/, /`readers\.max`/],
      [{ startingMs: [3, 40] }, /starting for 40 ms/, /`db\.reader\.warm\(\)`/],
      [{ startingMs: [3], setup: true }, /starting/, /runs the module of `readers\.setup`/],
      [{ busy: 1, startingMs: [3] }, /1 of at most 2 are busy/, /warm/],
      [{ inSnapshot: true, busy: 2 }, /earlier query of its snapshot/, /one after another/],
      [{ openOnConnection: 'transaction', startingMs: [9] }, /an open transaction/, /COMMIT/],
      [{ openOnConnection: 'iterate', startingMs: [9] }, /an open loop/, /leave the loop/],
      [{ busy: 2, loops: 1 }, /1 waiting for a loop/, /`db\.reader\.snapshot\(\)`/],
      [{ dying: 3 }, /3 that were terminated/, /dmesg/],
    ];
    for (const [facts, why, hint] of cases) {
      const said = whyQueued({ ...idle, ...facts });
      assert.match(said.why, why);
      assert.match(said.hint, hint);
      assert.equal(/readers\.max/.test(said.hint), facts.busy === 2 && facts.inSnapshot !== true, said.hint);
    }
  });

  test('names warm() while the reader starts, and the open transaction of a database without a file', async () => {
    using bench = createBench({ readers: { max: 1 } });
    const starting = await failureOf(bench.db.reader.get('SELECT 1', [], { timeoutMs: 1 }));
    assert.match(`${starting.message} ${starting.hint}`, /has been starting for .*`db\.reader\.warm\(\)`/);
    for (const name of [':memory:', '']) {
      const db = new Database(name, { logger: false });
      db.exec('CREATE TABLE t (a); BEGIN');
      const blocked = await failureOf(db.reader.all('SELECT * FROM t', [], { timeoutMs: 20 }));
      assert.match(`${blocked.message} ${blocked.hint}`, /this connection has an open transaction.*COMMIT/);
      assert.ok(blocked.message.includes(name === '' ? 'of the temporary database' : 'of :memory:'), blocked.message);
      db.exec('COMMIT');
      assert.deepEqual(await db.reader.all('SELECT * FROM t'), []);
      const refused = await failureOf(db.reader.all('BEGIN'));
      assert.match(refused.message, name === '' ? /the temporary database\.$/ : /:memory:\.$/);
      db.close();
    }
  });

  test('names the loop that holds the reader; the same in one snapshot runs', async () => {
    using bench = createBench({ readers: { max: 1 } });
    const { db } = bench;
    for await (const _ of db.reader.iterate('SELECT * FROM t')) {
      const held = await failureOf(db.reader.get('SELECT 1', [], { timeoutMs: 200 }));
      assert.match(`${held.message} ${held.hint}`, /waiting for a loop over `iterate\(\)`.*`db\.reader\.snapshot\(\)`/);
      break;
    }
    const inOne = db.reader.snapshot(async reader => {
      for await (const _ of reader.iterate('SELECT * FROM t')) return reader.get('SELECT 1 AS a');
      return null;
    });
    assert.deepEqual(await inOne, { a: 1 });
  });

  test('in the thread of the application no process is said to be terminated', async () => {
    using bench = createBench({ checkpoint: { thread: 'main' } });
    const rows = endless.replace('count(*)', 'x');
    const call = bench.db.reader.all(rows, [], { timeoutMs: 30, maxBytes: Number.MAX_SAFE_INTEGER });
    assert.match((await failureOf(call)).message, /30 ms; it was ended between two of its steps\.$/);
  });

  test('a loop that is too slow is named, and a snapshot that is too long names its own limit', async () => {
    using bench = createBench({ readers: { max: 1 } });
    const { db } = bench;
    await db.reader.get('SELECT 1');
    const loop = db.reader.iterate('SELECT * FROM t', [], { timeoutMs: 1500 });
    await loop.next();
    const slow = await failureOf(
      (async () => {
        while (db.health().readers.counts.timeout === 0) await new Promise(resolve => setTimeout(resolve, 10));
        await loop.next();
      })(),
    );
    assert.match(slow.hint, /had not taken the rows/);
    const long = await failureOf(
      db.reader.snapshot(
        async reader => {
          await reader.get('SELECT 1');
          await reader.all(endless);
        },
        { timeoutMs: 300 },
      ),
    );
    assert.match(long.message, /within 300 ms/, 'the limit of the snapshot, not of the query in it');
  });
});

describe('SQL that needs what only the connection has', () => {
  const nothing = { registered: new Set<string>(), extensions: false, attached: [], temporary: false };

  test('the hint names what occurs in the SQL, or else all that a reader lacks; nothing if it lacks nothing', () => {
    const cases: [only: Partial<Parameters<typeof hintAboutMissing>[1]>, hint: RegExp | null][] = [
      [{}, null],
      [{ registered: new Set(['f']) }, /^`f` is registered on this connection only.*`readers\.setup`/],
      [{ registered: new Set(['g']) }, /registered functions and tables \(`g`\).*view.*`readers\.setup`/],
      [{ extensions: true }, /extensions of this connection.*`readers\.setup`/],
      [{ attached: ['Aux'] }, /^`Aux` is part of this connection only.*`db\.prepare\(\)`/],
      [{ attached: ['other'] }, /attached databases \(`other`\).*`db\.prepare\(\)`/],
      [{ temporary: true }, /temporary tables of this connection.*`db\.prepare\(\)`/],
    ];
    for (const [only, expected] of cases) {
      const hint = hintAboutMissing('SELECT F(a) FROM aux.t', { ...nothing, ...only });
      if (expected === null) assert.equal(hint, null);
      else assert.match(hint ?? '', expected);
    }
  });

  test('behind a view, attached and temporary: said, and what is said helps; an ordinary mistake keeps its hint', async () => {
    using bench = createBench({}, 1);
    const { db } = bench;
    assert.match((await failureOf(db.reader.get('SELECT * FROM missing'))).hint, /migration/);
    db.function('twice', (value: unknown) => Number(value) * 2);
    db.exec(`CREATE VIEW v AS SELECT twice(id) AS a FROM t; CREATE TEMP TABLE mine (a); ATTACH ':memory:' AS aux;
      CREATE TABLE aux.u (a)`);
    for (const sql of ['SELECT * FROM v', 'SELECT * FROM mine', 'SELECT * FROM u', 'SELECT * FROM aux.u']) {
      const { hint } = await failureOf(db.reader.all(sql));
      assert.match(hint, /only/, sql);
      assert.doesNotMatch(hint, /migration/, sql);
      db.prepare(sql).all();
    }
    const setup = join(bench.folder, 'twice.cjs');
    writeFileSync(
      setup,
      `module.exports = db => { db.function('twice', a => Number(a) * 2); db.pragma('cache_size = 77'); };`,
    );
    const other = new Database(bench.file, { logger: false, readers: { setup } });
    assert.deepEqual(await other.reader.all('SELECT * FROM v'), [{ a: 2 }]);
    assert.deepEqual(await other.reader.get('PRAGMA cache_size'), { cache_size: 77 }, 'as the hint about pragmas says');
    other.close();
  });
});

test('a refused statement names what does the same', async () => {
  using bench = createBench({}, 1);
  const { db, file, folder } = bench;
  const cases: [sql: string, why: RegExp, hint: RegExp][] = [
    ...['BEGIN', 'SAVEPOINT s'].map(sql => [sql, /begins/, /`db\.reader\.snapshot\(\)`/] as [string, RegExp, RegExp]),
    ...['COMMIT', 'END', 'RELEASE s', 'ROLLBACK', 'ROLLBACK TO s'].map(
      sql => [sql, /ends a|undoes/, /`db\.reader\.snapshot\(\)`/] as [string, RegExp, RegExp],
    ),
    ['PRAGMA cache_size = 5', /setting of its connection/, /`readers\.setup`/],
    ['PRAGMA user_version = 5', /changes the database/, /`db\.pragma\(\)`/],
    ['PRAGMA table_infos(t)', /not one that is known to only read/, /table_info,/],
    ['PRAGMA nonsense', /returns no rows/, /check its name/],
    ['PRAGMA wal_checkpoint', /checkpoints/, /`db\.checkpoint\(\)`/],
    ["VACUUM INTO '/x'", /writes a file/, /`db\.backup\(\)`/],
    ["ATTACH 'x' AS y", /attaches/, /`openDatabase\(file\)\.reader`/],
    ['DETACH y', /detaches/, /`openDatabase\(file\)\.reader`/],
    ['DELETE FROM t', /writes/, /`db\.write\(\)`/],
  ];
  for (const [sql, why, hint] of cases) {
    const error = await failureOf(db.reader.all(sql));
    assert.ok(error instanceof UnsafeStatementError, sql);
    assert.match(error.message, why);
    assert.match(error.hint, hint);
  }
  assert.equal(await db.reader.snapshot(reader => reader.get('SELECT 1', [], { rows: 'first-column' })), 1);
  db.pragma('user_version = 5');
  assert.equal((await db.checkpoint()).complete, true);
  await db.backup(join(folder, 'copy.db'));
  using handle = openDatabase(file, { logger: false });
  assert.deepEqual(await handle.reader.get('PRAGMA user_version'), { user_version: 5 });
});

test('wrong arguments: a method without its reader, and `null` for options', async () => {
  using bench = createBench({}, 1);
  const { reader } = bench.db;
  for (const name of ['all', 'get', 'iterate', 'snapshot', 'warm']) {
    const taken = Reflect.get(reader, name) as (this: void, argument: unknown) => unknown;
    const call = async (): Promise<unknown> => {
      const started = await taken(name === 'snapshot' ? () => 1 : 'SELECT 1');
      return name === 'iterate' ? (started as AsyncGenerator).next() : started;
    };
    await assert.rejects(call, { name: 'TypeError', message: new RegExp(`\`db\\.reader\\.${name}\\(…\\)\``) });
  }
  const none = null as never;
  for (const call of [
    reader.all('SELECT 1', [], none),
    reader.get('SELECT 1', [], none),
    reader.iterate('SELECT 1', [], none).next(),
    reader.snapshot(() => 1, none),
  ]) {
    await assert.rejects(call, InvalidOptionError);
  }
  await assert.rejects(reader.get('SELECT NULL', [], { maxBytes: 7 }), { code: 'SAFE_SQLITE_RESULT_TOO_LARGE' });
  assert.deepEqual(await reader.get('SELECT NULL AS a', [], { maxBytes: 8 }), { a: null });
});

test('an awaited call keeps the process until its limit, whatever it waits for', () => {
  using bench = createBench({}, 1);
  const program = `
    import { openDatabase } from 'safe-sqlite';
    const db = openDatabase(${JSON.stringify(bench.file)}, { logger: false, sentinel: 'off' });
    const never = new Promise(() => {});
    const error = await db.reader.snapshot(() => never, { timeoutMs: 300 }).catch(error => error);
    db.reader.snapshot(() => never, { timeoutMs: 300 }).catch(() => {});
    await db[Symbol.asyncDispose]();
    console.log(error.code, db.open);`;
  const run = spawnSync(process.execPath, ['--input-type=module', '--eval', program], { encoding: 'utf8' });
  assert.equal(run.stdout.trim(), 'SAFE_SQLITE_QUERY_TIMEOUT false', run.stderr);
  assert.equal(run.status, 0);
});

test('asyncDispose waits for the reads that run, then closes; close() ends them', async () => {
  using bench = createBench({ readers: { max: 1 } });
  const patient = new Database(bench.file, { logger: false, readers: { max: 1 } });
  const reads = [patient.reader.get('SELECT 1 AS a'), patient.reader.snapshot(reader => reader.get('SELECT 2 AS a'))];
  const gone = patient[Symbol.asyncDispose]();
  assert.equal(patient.open, true);
  await gone;
  assert.equal(patient.open, false);
  assert.deepEqual(await Promise.all(reads), [{ a: 1 }, { a: 2 }]);
  const ended = assert.rejects(bench.db.reader.get(endless), { code: 'SAFE_SQLITE_CLOSED' });
  await untilRunning(bench.db);
  bench.db.close();
  await ended;
});
