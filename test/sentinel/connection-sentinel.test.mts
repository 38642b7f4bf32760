import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import { createRequire } from 'node:module';
import type * as NodeSqlite from 'node:sqlite';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { after, describe, test } from 'node:test';
import Native from 'better-sqlite3';
import {
  Database,
  FileReplacedError,
  LocksLostError,
  openDatabase,
  type FencedEvent,
  type FileReplacedEvent,
  type LocksLostEvent,
  type Logger,
  type Options,
  type WarningEvent,
} from 'safe-sqlite';
import '../support/guard-off.mts';

const require = createRequire(import.meta.url);
const folder = fs.realpathSync(fs.mkdtempSync(join(tmpdir(), 'safe-sqlite-watch-')));
after(() => fs.rmSync(folder, { recursive: true, force: true }));
const linux = process.platform === 'linux' ? false : 'needs the /proc of Linux';
let count = 0;
const fresh = (): string => {
  const place = join(folder, String(count++));
  fs.mkdirSync(place);
  return join(place, 'app.db');
};
const quiet: Options = { logger: false, sentinel: { intervalMs: 10 } };

function open(file: string, options: Options = quiet): InstanceType<typeof Database> {
  const db = new Database(file, options);
  db.exec('CREATE TABLE IF NOT EXISTS t(a)');
  return db;
}

/** As `node:sqlite` in the same process leaves it: without locks, without its sidecars. */
function openElsewhereHere(file: string): void {
  const { DatabaseSync } = require('node:sqlite') as typeof NodeSqlite;
  const other = new DatabaseSync(file);
  other.prepare('SELECT * FROM t').all();
  other.close();
}

function inAnotherProcess(file: string, script: string): string {
  const code = `const D=require('better-sqlite3');const d=new D(process.argv[1]);${script};d.close()`;
  return execFileSync(process.execPath, ['-e', code, file], { encoding: 'utf8' });
}

function digest(path: string): string {
  return createHash('sha256').update(fs.readFileSync(path)).digest('hex');
}

function rows(path: string): unknown[] {
  const db = new Native(path);
  try {
    return db.prepare('SELECT a FROM t ORDER BY rowid').pluck().all();
  } finally {
    db.close();
  }
}

function thrown(call: () => unknown): Error & { details: Record<string, unknown> } {
  try {
    call();
  } catch (error) {
    return error as Error & { details: Record<string, unknown> };
  }
  assert.fail('it did not throw');
}

describe('lost locks', { skip: linux }, () => {
  test('fence the connection before the commit, through every handle, and are reported once with their likely causes', () => {
    const file = fresh();
    const logged: string[] = [];
    const log = (_: object, message: string): void => void logged.push(message);
    const logger: Logger = { debug() {}, info() {}, warn: log, error: log, fatal: log };
    const db = openDatabase(file, { logger, sentinel: { intervalMs: 60_000 } });
    const other = openDatabase(file);
    db.exec('CREATE TABLE t(a)');
    const told: [string, LocksLostEvent | FencedEvent][] = [];
    db.events.on('locksLost', event => void told.push(['locksLost', event]));
    db.events.on('fenced', event => void told.push(['fenced', event]));
    const insert = db.prepare('INSERT INTO t VALUES (1)');
    insert.run();
    fs.readFileSync(file);
    const error = thrown(() => insert.run());
    assert.ok(error instanceof LocksLostError);
    assert.match(error.message, /lost its SHARED lock/);
    assert.match(error.message, /fs\.readFile/);
    assert.deepEqual(error.details['missing'], ['SHARED']);
    for (const call of [() => other.prepare('SELECT 1'), () => insert.run(), () => db.exec('SELECT 1')]) {
      assert.throws(call, LocksLostError);
    }
    assert.deepEqual(
      told.map(([name]) => name),
      ['locksLost', 'fenced'],
    );
    assert.deepEqual(told[0]?.[1], { file, error: told[0]?.[1].error, rescued: null });
    const losses = logged.filter(message => !message.startsWith('warning'));
    assert.equal(losses.length, 2);
    assert.match(losses[0] ?? '', /^locksLost: The connection to .* has lost its SHARED lock/);
    db.close();
    other.close();
    assert.deepEqual(rows(file), [1]);
  });

  test('of a transaction make its COMMIT fail, and nothing of it stays', () => {
    const file = fresh();
    const db = open(file, { ...quiet, sentinel: { intervalMs: 60_000 } });
    const write = db.transaction(() => {
      db.prepare('INSERT INTO t VALUES (1)').run();
      fs.readFileSync(`${file}-shm`);
    });
    assert.throws(() => write(), LocksLostError);
    db.close();
    assert.deepEqual(rows(file), []);
  });

  test('are found at the interval, without a commit', async () => {
    const file = fresh();
    const db = open(file);
    const told = new Promise<LocksLostEvent>(resolve => db.events.once('locksLost', resolve));
    const alive = setInterval(() => {}, 1000);
    fs.readFileSync(file);
    const { error } = await told;
    clearInterval(alive);
    assert.ok(error instanceof LocksLostError);
    assert.throws(() => db.prepare('SELECT 1'), LocksLostError);
    db.close();
  });

  test('of an attached database are found as well, and not after it is detached', () => {
    const file = fresh();
    const attached = fresh();
    // In WAL mode: a rollback journal needs no locks between transactions.
    open(attached).close();
    const db = open(file);
    db.attach(attached, 'side');
    db.exec('CREATE TABLE side.s(a); INSERT INTO side.s VALUES (1)');
    db.detach('side');
    fs.readFileSync(attached);
    db.exec('INSERT INTO t VALUES (1)');
    db.exec(`ATTACH '${attached}' AS again`);
    fs.readFileSync(attached);
    const error = thrown(() => db.exec('INSERT INTO t VALUES (2)'));
    assert.ok(error instanceof LocksLostError);
    assert.equal(error.details['file'], attached);
    db.close();
  });
});

describe('what another process does meanwhile', { skip: linux }, () => {
  test('raw better-sqlite3 writes over its committed row when it closes', () => {
    const file = fresh();
    const db = new Native(file);
    db.pragma('journal_mode=WAL');
    db.exec('CREATE TABLE t(a); INSERT INTO t VALUES (1)');
    openElsewhereHere(file);
    db.exec("INSERT INTO t VALUES ('ours')");
    inAnotherProcess(file, `d.exec("INSERT INTO t VALUES ('theirs')")`);
    db.close();
    assert.deepEqual(rows(file), [1, 'ours']);
  });

  test('stays: a fenced connection writes nothing more, also not when it closes', async () => {
    const file = fresh();
    // Found at the interval only, so that there is something that a close could write.
    const db = open(file, { logger: false, sentinel: { intervalMs: 10, onCommit: false } });
    const told = new Promise<LocksLostEvent>(resolve => db.events.once('locksLost', resolve));
    const alive = setInterval(() => {}, 1000);
    db.exec('INSERT INTO t VALUES (1)');
    openElsewhereHere(file);
    db.exec("INSERT INTO t VALUES ('ours')");
    const { rescued } = await told;
    clearInterval(alive);
    assert.deepEqual(rows(String(rescued)), [1, 'ours']);
    inAnotherProcess(file, `d.exec("INSERT INTO t VALUES ('theirs')")`);
    const before = digest(file);
    db.close();
    assert.equal(digest(file), before);
    assert.deepEqual(rows(file), [1, 'theirs']);
  });

  test('stays as well when the process ends without closing it', () => {
    // better-sqlite3 closes connections in the order of their addresses then: a few tries meet both orders.
    for (let attempt = 0; attempt < 5; attempt++) {
      const file = fresh();
      const script = `
        const { openDatabase } = require(${JSON.stringify(require.resolve('safe-sqlite'))});
        const { execFileSync } = require('child_process');
        const file = process.argv[1];
        const db = openDatabase(file, { logger: false, sentinel: { intervalMs: 10, onCommit: false } });
        db.exec('CREATE TABLE t(a)');
        db.exec('INSERT INTO t VALUES (1)');
        const other = new (require('node:sqlite').DatabaseSync)(file);
        other.prepare('SELECT * FROM t').all();
        other.close();
        db.exec('INSERT INTO t VALUES (2)');
        const alive = setInterval(() => {}, 1000);
        db.events.on('locksLost', ({ error }) => {
          clearInterval(alive);
          process.stdout.write(error.name);
          const theirs = "const d = new (require('better-sqlite3'))(process.argv[1]); d.exec('INSERT INTO t VALUES (3)'); d.close()";
          setImmediate(() => execFileSync(process.execPath, ['-e', theirs, file]));
        });`;
      const said = execFileSync(process.execPath, ['--no-warnings', '-e', script, file], { encoding: 'utf8' });
      assert.equal(said, 'LocksLostError');
      assert.deepEqual(rows(file), [1, 3]);
    }
  });
});

describe('lost files', () => {
  const posix = process.platform === 'win32' ? 'open files cannot be deleted on Windows' : false;

  test('are rescued, and the real file stays byte for byte, also at close', { skip: posix }, () => {
    const file = fresh();
    const rescueDirectory = join(dirname(file), 'rescued');
    fs.mkdirSync(rescueDirectory);
    const db = open(file, { ...quiet, rescueDirectory });
    for (let row = 0; row < 10; row++) db.prepare('INSERT INTO t VALUES (?)').run(row);
    let told: FileReplacedEvent | null = null;
    db.events.on('fileReplaced', event => (told = event));
    fs.rmSync(`${file}-wal`);
    const error = thrown(() => db.exec('INSERT INTO t VALUES (10)'));
    assert.ok(error instanceof FileReplacedError);
    const rescued = String(error.details['rescued']);
    assert.equal(dirname(rescued), rescueDirectory);
    assert.equal((told as FileReplacedEvent | null)?.rescued, rescued);
    assert.ok(error.message.includes(rescued));
    assert.equal(thrown(() => db.prepare('SELECT 1')).details['rescued'], rescued);
    assert.deepEqual(rows(rescued), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    const before = digest(file);
    db.close();
    assert.equal(digest(file), before);
  });

  test('are rescued later when a statement is still running', { skip: posix }, async () => {
    const file = fresh();
    const db = open(file);
    for (let row = 0; row < 10; row++) db.prepare('INSERT INTO t VALUES (?)').run(row);
    const iterator = db.prepare('SELECT a FROM t').iterate();
    iterator.next();
    const events: FileReplacedEvent[] = [];
    const alive = setInterval(() => {}, 1000);
    const twice = new Promise<void>(resolve => {
      db.events.on('fileReplaced', event => {
        events.push(event);
        if (events.length === 1) iterator.return?.();
        else resolve();
      });
    });
    fs.renameSync(file, `${file}.moved`);
    await twice;
    clearInterval(alive);
    assert.equal(events[0]?.rescued, null);
    assert.deepEqual(rows(String(events[1]?.rescued)).length, 10);
    db.close();
  });

  test('in rollback mode', { skip: posix }, () => {
    const file = fresh();
    const db = open(file, { ...quiet, journalMode: 'rollback' });
    db.exec('INSERT INTO t VALUES (1)');
    fs.writeFileSync(`${file}.new`, 'another');
    fs.renameSync(`${file}.new`, file);
    const error = thrown(() => db.exec('INSERT INTO t VALUES (2)'));
    assert.ok(error instanceof FileReplacedError);
    assert.deepEqual(rows(String(error.details['rescued'])), [1]);
    db.close();
    assert.equal(fs.readFileSync(file, 'utf8'), 'another');
  });
});

describe('no fence', () => {
  test('a new hard link and a plain descriptor are warnings', { skip: linux }, async () => {
    const file = fresh();
    const db = open(file);
    const codes: string[] = [];
    const alive = setInterval(() => {}, 1000);
    const both = new Promise<void>(resolve => {
      db.events.on('warning', (event: WarningEvent) => {
        codes.push(event.code);
        if (event.code === 'hard-linked') fs.rmSync(`${file}.link`);
        if (codes.includes('hard-linked') && codes.includes('foreign-descriptor')) resolve();
      });
    });
    fs.linkSync(file, `${file}.link`);
    const fd = fs.openSync(file, 'r');
    await both;
    clearInterval(alive);
    db.exec('INSERT INTO t VALUES (1)');
    fs.closeSync(fd);
    assert.throws(() => db.exec('INSERT INTO t VALUES (2)'), LocksLostError);
    db.close();
  });

  test('the journal mode may change under it, both ways', () => {
    const file = fresh();
    const db = open(file);
    for (const mode of ['delete', 'wal', 'truncate', 'wal']) {
      db.pragma(`journal_mode=${mode}`);
      db.exec('INSERT INTO t VALUES (1)');
      db.transaction(() => db.exec('INSERT INTO t VALUES (2)'))();
    }
    db.close();
  });

  test("its own statements do not show in the application's verbose", () => {
    const file = fresh();
    const shown: unknown[] = [];
    const db = open(file, { ...quiet, verbose: sql => void shown.push(sql) });
    db.exec('INSERT INTO t VALUES (1)');
    db.close();
    assert.deepEqual(shown, ['CREATE TABLE IF NOT EXISTS t(a)', 'INSERT INTO t VALUES (1)']);
  });

  test('switched off, it finds nothing', { skip: linux }, () => {
    const file = fresh();
    const db = open(file, { logger: false, sentinel: 'off' });
    fs.readFileSync(file);
    db.exec('INSERT INTO t VALUES (1)');
    db.close();
  });

  test('many connections to one file, attached to each other, opened and closed, as ORMs do', { skip: linux }, () => {
    const file = fresh();
    const side = fresh();
    const descriptors = fs.readdirSync('/proc/self/fd').length;
    const pool = Array.from({ length: 5 }, () => open(file));
    for (let turn = 0; turn < 50; turn++) {
      const at = turn % pool.length;
      pool[at]?.close();
      const db = (pool[at] = open(file));
      db.exec(`ATTACH '${side}' AS side`);
      db.exec('CREATE TABLE IF NOT EXISTS side.s(a)');
      for (const each of pool) each.prepare('INSERT INTO t VALUES (1)').run();
      db.exec('INSERT INTO side.s VALUES (1)');
      if (turn % 2 === 0) db.exec('DETACH side');
    }
    for (const each of pool) each.close();
    assert.equal(rows(file).length, 250);
    assert.equal(fs.readdirSync('/proc/self/fd').length, descriptors);
  });
});

test(
  'many fenced connections add no listener each to the process',
  { skip: process.platform === 'win32' ? 'open files cannot be renamed on Windows' : false },
  async () => {
    const databases = Array.from({ length: 12 }, () => open(fresh()));
    const before = process.listenerCount('exit');
    const told = Promise.all(databases.map(db => new Promise(resolve => db.events.once('fenced', resolve))));
    for (const { plan } of databases) fs.renameSync(String(plan.file), `${plan.file}.moved`);
    await told;
    assert.equal(process.listenerCount('exit'), before);
    for (const db of databases) db.close();
  },
);

describe('where the folder for temporary files cannot be written', { skip: linux }, () => {
  for (const moment of ['commit', 'timer'] as const) {
    test(`a lost lock in rollback mode is reported at the ${moment}, and ends no process`, () => {
      const file = fresh();
      const program = `
        const fs = require('fs');
        const Database = require('safe-sqlite');
        const db = new Database(process.argv[1], { logger: false, journalMode: 'rollback', sentinel: { intervalMs: 20 } });
        db.exec('CREATE TABLE t(a)');
        db.exec('BEGIN IMMEDIATE; INSERT INTO t VALUES (1)');
        fs.closeSync(fs.openSync(process.argv[1]));
        const told = error => { console.log(error.name); db.close(); };
        if (${JSON.stringify(moment)} === 'timer') {
          const wait = setInterval(() => {}, 1000);
          db.events.on('locksLost', ({ error }) => { clearInterval(wait); told(error); });
        } else {
          try { db.exec('COMMIT') } catch (error) { told(error) }
        }`;
      const output = execFileSync(process.execPath, ['-e', program, file], {
        encoding: 'utf8',
        cwd: join(import.meta.dirname, '../..'),
        env: { ...process.env, TMPDIR: join(folder, 'no such folder') },
      });
      assert.equal(output.trim(), 'LocksLostError');
      assert.deepEqual(fs.readdirSync(dirname(file)).sort(), ['app.db'], 'the scratch database is gone');
    });
  }
});

describe('a rescue that a full disk prevents', () => {
  test('is made as soon as there is room, is named by later errors, and leaves one file', async t => {
    const place = fs.mkdtempSync(join(folder, 'full-'));
    if (spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=4m', 'tmpfs', place]).status !== 0) {
      return t.skip('needs the right to mount');
    }
    // All the places that a rescue can go to are on the full disk.
    const { TMPDIR } = process.env;
    process.env['TMPDIR'] = place;
    try {
      const file = join(place, 'app.db');
      const db = open(file);
      db.exec('INSERT INTO t VALUES (zeroblob(1500000))');
      await db.checkpoint('truncate');
      fs.writeFileSync(join(place, 'fill'), Buffer.alloc(fs.statfsSync(place).bavail * 4096 - 200_000));
      const events: FileReplacedEvent[] = [];
      const told = (): Promise<void> =>
        new Promise(resolve => {
          db.events.once('fileReplaced', event => {
            events.push(event);
            resolve();
          });
        });
      const first = told();
      fs.renameSync(file, `${file}.moved`);
      await first;
      assert.equal(events[0]?.rescued, null);
      const second = told();
      fs.rmSync(join(place, 'fill'));
      await second;
      const rescued = events[1]?.rescued;
      assert.deepEqual(
        fs.readdirSync(place).filter(name => name.includes('rescued')),
        [basename(String(rescued))],
      );
      assert.equal(thrown(() => db.prepare('SELECT 1')).details['rescued'], rescued);
      assert.equal(rows(String(rescued)).length, 1);
      db.close();
    } finally {
      if (TMPDIR === undefined) delete process.env['TMPDIR'];
      else process.env['TMPDIR'] = TMPDIR;
      execFileSync('umount', [place]);
    }
  });

  test('is made when the connection closes, at the latest', async t => {
    const place = fs.mkdtempSync(join(folder, 'late-'));
    if (process.platform === 'win32') return t.skip('open files cannot be renamed on Windows');
    const file = join(place, 'app.db');
    const db = open(file);
    db.exec('INSERT INTO t VALUES (1)');
    const iterator = db.prepare('SELECT a FROM t').iterate();
    iterator.next();
    const fenced = new Promise(resolve => db.events.once('fenced', resolve));
    fs.renameSync(file, `${file}.moved`);
    await fenced;
    assert.deepEqual(
      fs.readdirSync(place).filter(name => name.includes('rescued')),
      [],
      'a statement is in the way',
    );
    iterator.return?.();
    db.close();
    const [rescued] = fs.readdirSync(place).filter(name => name.includes('rescued'));
    assert.deepEqual(rows(join(place, String(rescued))), [1]);
  });

  test('looks for a folder that does not exist yet, and then beside the database', async t => {
    if (process.platform === 'win32') return t.skip('open files cannot be renamed on Windows');
    for (const [name, expected] of [
      ['new/folder', 'new/folder'],
      ['app.db/no folder', '.'],
    ] as const) {
      const file = fresh();
      const place = dirname(file);
      const db = open(file, { ...quiet, rescueDirectory: join(place, name) });
      const told = new Promise<FileReplacedEvent>(resolve => db.events.once('fileReplaced', resolve));
      fs.renameSync(file, `${file}.moved`);
      // What stands in the place of the database now keeps the folder below it from being made.
      if (expected === '.') fs.writeFileSync(file, '');
      assert.equal(dirname(String((await told).rescued)), join(place, expected));
      db.close();
    }
  });
});
