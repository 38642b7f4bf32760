import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import BetterSqlite3 from 'better-sqlite3';

const root = join(import.meta.dirname, '../..');

describe('leaving', () => {
  const folder = mkdtempSync(join(tmpdir(), 'leaving-'));
  let count = 0;
  after(() => rmSync(folder, { recursive: true, force: true }));

  /** Runs a program with `Database`, `openDatabase` and `file`, and returns what it printed. */
  function run(body: string, flags: readonly string[] = []): { file: string; status: number | null; output: string } {
    const file = join(folder, `${(count += 1)}.db`);
    const program = `
      const Database = require('safe-sqlite');
      const { openDatabase } = Database;
      const file = process.argv[1];
      ${body}`;
    const child = spawnSync(process.execPath, [...flags, '-e', program, file], { cwd: root, encoding: 'utf8' });
    return { file, status: child.status, output: child.stdout + child.stderr };
  }

  function rowsOf(file: string): unknown[] {
    const db = new BetterSqlite3(file, { readonly: true });
    const rows = db.prepare('SELECT a FROM t').pluck().all();
    assert.equal(db.pragma('integrity_check', { simple: true }), 'ok');
    db.close();
    return rows;
  }

  const write = `
    const db = openDatabase(file, { logger: false });
    db.exec('CREATE TABLE t (a); INSERT INTO t VALUES (1)');`;

  for (const [name, ending] of [
    ['the end of the event loop', ''],
    ['process.exit', 'process.exit(0)'],
    ['process.exit with an open iterator', 'db.prepare("SELECT 1 FROM t").iterate().next(); process.exit(0)'],
  ] as const) {
    test(`${name} closes what is open: no WAL is left`, () => {
      const { file, status, output } = run(`${write}\n${ending}`);
      assert.equal(status, 0, output);
      assert.equal(existsSync(`${file}-wal`), false);
      assert.deepEqual(rowsOf(file), [1]);
    });
  }

  for (const [moment, ending] of [
    ['the end of the event loop', ''],
    ['process.exit in a later turn', 'setImmediate(() => process.exit(0))'],
    ['process.exit in the same turn', 'process.exit(0)'],
  ] as const) {
    test(`an exit listener that was added behind the open may still write, at ${moment}`, () => {
      const listener = `process.on('exit', () => db.exec('INSERT INTO t VALUES (2)'));`;
      const { file, status, output } = run(`${write}\n${listener}\n${ending}`);
      assert.equal(status, 0, output);
      assert.deepEqual(rowsOf(file), [1, 2]);
    });
  }

  test('an uncaught error, an abort and a transaction left open lose nothing that was committed', () => {
    for (const ending of [
      'throw new Error("uncaught")',
      'process.abort()',
      'process.kill(process.pid, "SIGKILL")',
      'db.exec("BEGIN; INSERT INTO t VALUES (2)")',
    ]) {
      assert.deepEqual(rowsOf(run(`${write}\n${ending}`).file), [1], ending);
    }
  });

  test('nothing of an open database keeps the process alive', () => {
    const started = performance.now();
    const { status } = run(`openDatabase(file, { logger: false, backup: { directory: file + '.backups' } });`);
    assert.equal(status, 0);
    assert.ok(performance.now() - started < 20_000);
  });

  test('a forgotten handle is reported once, and closed', () => {
    const { output, file } = run(
      `
      (() => { new Database(file).exec('CREATE TABLE t (a)'); })();
      const fs = require('node:fs');
      let rounds = 0;
      const look = setInterval(() => {
        gc();
        rounds += 1;
        if (rounds > 500 || !fs.existsSync(file + '-wal')) clearInterval(look);
      }, 10);
      process.once('beforeExit', () => console.log('closed after', rounds, 'rounds'));`,
      ['--expose-gc'],
    );
    assert.match(output, /closed after \d{1,2} rounds/);
    assert.equal(output.match(/"leaked-handle"/g)?.length, 1, output);
    assert.deepEqual(
      readdirSync(folder).filter(name => name.startsWith(`${file.slice(folder.length + 1)}-`)),
      [],
    );
  });

  test('a forgotten handle is not closed while a write that it has queued waits', () => {
    const { status, output } = run(
      `
      (async () => {
        const db = openDatabase(file, { logger: false, writes: { timeoutMs: 60_000 } });
        db.exec('CREATE TABLE t (a)');
        const insert = db.prepare('INSERT INTO t VALUES (1)');
        let forgotten = false;
        db.events.on('warning', ({ code }) => { forgotten ||= code === 'leaked-handle'; });
        const other = new Database(file, { logger: false });
        other.exec('BEGIN IMMEDIATE');
        const written = (() => openDatabase(file).write(() => insert.run()))().then(
          () => console.log('stored'),
          error => console.log('rejected', error.name),
        );
        const collect = async rounds => {
          for (let round = 0; round < rounds && !forgotten; round += 1) {
            gc();
            await new Promise(resolve => setTimeout(resolve, 10));
          }
        };
        await collect(30);
        console.log('forgotten while it waits', forgotten);
        other.exec('COMMIT');
        await written;
        await collect(500);
        console.log('forgotten afterwards', forgotten);
      })();`,
      ['--expose-gc'],
    );
    assert.equal(status, 0, output);
    assert.equal(output, 'forgotten while it waits false\nstored\nforgotten afterwards true\n');
  });

  test('a checkpoint that is awaited behind one in the background keeps the process alive', () => {
    const { status, output } = run(`
      (async () => {
        const db = new Database(file, { logger: false, checkpoint: { walBytes: 100_000 } });
        db.exec('CREATE TABLE t (a)');
        const insert = db.prepare('INSERT INTO t VALUES (zeroblob(4000))');
        db.transaction(() => { for (let row = 0; row < 10_000; row += 1) insert.run(); })();
        for (let row = 0; row < 160; row += 1) insert.run();
        await new Promise(setImmediate);
        console.log('complete', (await db.checkpoint()).complete);
        db.close();
      })();`);
    assert.equal(status, 0, output);
    assert.match(output, /complete true/);
  });

  test('await using leaves the rejection of a write that is not awaited to the process', () => {
    const { status, output } = run(`
      process.on('unhandledRejection', error => console.log('unhandled', error.message));
      (async () => {
        const db = new Database(file, { logger: false });
        db.write(() => { throw new Error('nobody awaits this'); });
        db.write(() => { throw new Error('handled'); }).catch(() => {});
        db.write(() => db.exec('CREATE TABLE t (a)'));
        // What \`await using\` calls: V8 of Node 22 has not the syntax.
        await db[Symbol.asyncDispose]();
      })().then(() => console.log('left'));`);
    assert.equal(status, 0, output);
    assert.match(output, /left/);
    assert.deepEqual(output.match(/unhandled.*/g), ['unhandled nobody awaits this']);
  });

  test('a listener that opens again what is closed does not keep the process from its end', () => {
    const { status, output } = run(`
      const again = () => {
        db.close();
        db = new Database(file, { logger: false });
        db.events.on('closed', again);
      };
      let db = new Database(file, { logger: false });
      db.events.on('closed', again);`);
    assert.equal(status, 0, output);
  });

  test('a closed handle can be garbage-collected', () => {
    const { status, output } = run(
      `
      (async () => {
        let collected = 0;
        const registry = new FinalizationRegistry(() => { collected += 1; });
        for (let round = 0; round < 50; round += 1) {
          const db = round % 2 === 0 ? new Database(file, { logger: false }) : openDatabase(file, { logger: false });
          registry.register(db, round);
          db.exec('CREATE TABLE IF NOT EXISTS t (a)');
          db.close();
        }
        for (let round = 0; round < 100 && collected < 45; round += 1) {
          gc();
          await new Promise(resolve => setTimeout(resolve, 10));
        }
        console.log('collected', collected >= 45);
      })();`,
      ['--expose-gc'],
    );
    assert.equal(status, 0, output);
    assert.match(output, /collected true/);
  });
});
