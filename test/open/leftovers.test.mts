/** A database that is deleted and made again by the process that has it open, with all or some of its sidecars left. */
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, readdirSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import Native from 'better-sqlite3';
import { Database, openDatabase, OrphanedJournalError } from 'safe-sqlite';

const folder = realpathSync(mkdtempSync(join(tmpdir(), 'safe-sqlite-leftovers-')));
after(() => rmSync(folder, { recursive: true, force: true }));
const linux = process.platform === 'linux' ? false : 'needs the /proc of Linux';

interface Told {
  readonly rows: readonly number[];
  readonly warnings: readonly string[];
  readonly old: string;
  readonly left: readonly string[];
  readonly thrown: string | null;
}

/** Runs a process that deletes its database with `script` and makes it again. `guard`: as in an application, or off. */
function deleteAndMakeAgain(how: { script: string; library: string; guard: 'on' | 'off'; close?: boolean }): Told {
  const place = mkdtempSync(join(folder, 'case-'));
  // Without the guard a check between two of the deletions cannot know that this process makes them.
  const intervalMs = how.guard === 'off' && how.script.includes('await') ? 60_000 : 60;
  const program = `
    import fs from 'node:fs';
    import { execFileSync } from 'node:child_process';
    import { setTimeout as sleep } from 'node:timers/promises';
    const { default: Database } = await import(process.argv[1]);
    const [place, file] = [process.argv[2], process.argv[2] + '/app.db'];
    const warnings = [];
    const told = { rows: [], warnings, old: 'works', left: [], thrown: null };
    const open = () => {
      const db = new Database(file, ${how.library === 'better-sqlite3' ? '{}' : `{ logger: false, sentinel: { intervalMs: ${intervalMs} } }`});
      db.events?.on('warning', ({ code }) => warnings.push(code));
      db.events?.on('fileReplaced', ({ rescued }) => rescued !== null && warnings.push('rescued'));
      db.pragma('journal_mode = WAL');
      db.exec('CREATE TABLE IF NOT EXISTS t(a)');
      return db;
    };
    const old = open();
    for (let n = 0; n < 50; n++) old.exec('INSERT INTO t VALUES (1)');
    ${how.script};
    try {
      const db = open();
      for (let n = 0; n < 5; n++) db.exec('INSERT INTO t VALUES (2)');
      await sleep(300);
      try { old.exec('INSERT INTO t VALUES (3)'); } catch (error) { told.old = error.code; }
      ${how.close === false ? '' : 'old.close();'}
      for (let n = 0; n < 5; n++) db.exec('INSERT INTO t VALUES (2)');
      db.close();
      const again = open();
      told.rows = again.prepare('SELECT a FROM t').pluck().all();
      again.close();
    } catch (error) { told.thrown = error.code ?? String(error); }
    told.left = fs.readdirSync(place);
    process.stdout.write(JSON.stringify(told));
  `;
  const run = spawnSync(
    process.execPath,
    ['--input-type=module', '-e', program, import.meta.resolve(how.library), place],
    {
      encoding: 'utf8',
      env: {
        ...process.env,
        TMPDIR: place,
        SAFE_SQLITE_PROCESS_GUARD: how.guard === 'off' ? 'off' : '',
      },
    },
  );
  assert.equal(run.status, 0, run.stderr);
  return JSON.parse(run.stdout) as Told;
}

/** What a test suite deletes. `file` is the database. */
const deletions: Readonly<Record<string, string>> = {
  'the database alone': 'fs.unlinkSync(file)',
  'the database and its -shm': "fs.unlinkSync(file); fs.unlinkSync(file + '-shm')",
  'the database and its -wal': "fs.rmSync(file); fs.rmSync(file + '-wal')",
  'all three': "for (const end of ['', '-wal', '-shm']) fs.rmSync(file + end)",
  'all of them, by promises': "for (const end of ['', '-wal', '-shm']) await fs.promises.rm(file + end)",
  'the folder': 'fs.rmSync(place, { recursive: true }); fs.mkdirSync(place)',
  'the database alone, and a fixture is copied there':
    "old.exec(`VACUUM INTO '${place}/fixture.db'`); fs.unlinkSync(file); fs.copyFileSync(place + '/fixture.db', file)",
};

/** Two databases then use one -shm. */
const rawBreaks: readonly string[] = ['the database alone', 'the database and its -wal'];

describe('deleted and made again by the same process, without a close', { skip: linux }, () => {
  for (const [name, script] of Object.entries(deletions)) {
    const copied = script.includes('fixture');
    const expected = [...Array.from({ length: copied ? 50 : 0 }, () => 1), ...Array.from({ length: 10 }, () => 2)];

    const broken = rawBreaks.includes(name);
    test(`raw better-sqlite3 opens the file${broken ? ', and both connections break one another' : ''}: ${name}`, () => {
      const raw = deleteAndMakeAgain({ script, library: 'better-sqlite3', guard: 'off', close: false });
      assert.equal(raw.thrown, broken ? 'SQLITE_IOERR_SHORT_READ' : null);
    });

    for (const guard of ['on', 'off'] as const) {
      test(`ours goes on, and saves no copy of what was deleted on purpose: ${name}, process guard ${guard}`, () => {
        const ours = deleteAndMakeAgain({ script, library: 'safe-sqlite', guard });
        assert.equal(ours.thrown, null);
        assert.deepEqual(ours.rows, expected);
        assert.equal(ours.old, 'SAFE_SQLITE_FILE_REPLACED', 'the connection to the deleted file is still to be closed');
        // Where it is unknown who deleted the file, a file that was copied to its name may be a deployment.
        const unknown = guard === 'off' && copied;
        if (!unknown)
          assert.deepEqual(
            ours.left.filter(entry => entry.includes('.rescued-')),
            [],
          );
        assert.equal(ours.warnings.includes('rescued'), unknown);
        assert.deepEqual(
          ours.left.filter(entry => entry.startsWith('app.db-')),
          [],
        );
      });
    }
  }

  test('the warning names what was taken away, and what to do', () => {
    const ours = deleteAndMakeAgain({ script: 'fs.unlinkSync(file)', library: 'safe-sqlite', guard: 'on' });
    assert.ok(ours.warnings.includes('deleted-database-still-open'));
  });

  test('closed after it was deleted: the next open finds nothing in its way', () => {
    const ours = deleteAndMakeAgain({
      script: 'fs.unlinkSync(file); await sleep(200); old.close()',
      library: 'safe-sqlite',
      guard: 'on',
    });
    assert.equal(ours.thrown, null);
    assert.deepEqual(
      ours.left.filter(entry => entry.includes('.rescued-')),
      [],
    );
  });

  test('deleted by another program: the open goes on, what was committed is rescued, and the -wal is kept', () => {
    const ours = deleteAndMakeAgain({
      script: "execFileSync('rm', [file])",
      library: 'safe-sqlite',
      guard: 'on',
    });
    assert.equal(ours.thrown, null);
    assert.equal(ours.rows.length, 10);
    assert.equal(ours.left.filter(entry => entry.includes('.rescued-')).length, 1);
    assert.equal(ours.left.filter(entry => entry.includes('.set-aside-')).length, 2);
  });

  test('not by this process: refused with a hint that names the case, and the hint works', () => {
    const place = mkdtempSync(join(folder, 'other-'));
    const file = join(place, 'app.db');
    const program = `const db = new (require('better-sqlite3'))(process.argv[1]); db.pragma('journal_mode = WAL');
      db.exec('CREATE TABLE t(a); INSERT INTO t VALUES (1)'); process.kill(process.pid, 'SIGKILL')`;
    spawnSync(process.execPath, ['-e', program, file]);
    rmSync(file);
    assert.throws(
      () => new Database(file, { logger: false }),
      (error: { hint?: string }) => (error.hint ?? '').includes('If you deleted app.db on purpose, delete '),
    );
    execFileSync('rm', ['-f', `${file}-wal`, `${file}-shm`]);
    new Database(file, { logger: false }).close();
    assert.deepEqual(readdirSync(place), ['app.db']);
  });

  test('another program has made the file again, and crashed: its -wal is not taken away', () => {
    const place = mkdtempSync(join(folder, 'again-'));
    const file = join(place, 'app.db');
    const old = new Database(file, { logger: false, sentinel: 'off' });
    old.exec('CREATE TABLE t(a); INSERT INTO t VALUES (1)');
    for (const end of ['', '-wal', '-shm']) rmSync(`${file}${end}`);
    const program = `const db = new (require('better-sqlite3'))(process.argv[1]); db.pragma('journal_mode = WAL');
      db.exec('CREATE TABLE t(a); INSERT INTO t VALUES (2)'); process.kill(process.pid, 'SIGKILL')`;
    spawnSync(process.execPath, ['-e', program, file]);
    assert.ok(readdirSync(place).includes('app.db-wal'));
    const second = new Database(file, { logger: false });
    assert.deepEqual(second.prepare('SELECT a FROM t').pluck().all(), [2]);
    second.close();
    old.close();
    assert.deepEqual(readdirSync(place), ['app.db']);
  });

  test('a read-only open refuses, and takes nothing away; one that writes does', () => {
    const place = mkdtempSync(join(folder, 'read-only-'));
    const file = join(place, 'app.db');
    const old = new Database(file, { logger: false, sentinel: 'off' });
    old.exec(`CREATE TABLE t(a); VACUUM INTO '${join(place, 'fixture.db')}'; INSERT INTO t VALUES (1)`);
    rmSync(file);
    copyFileSync(join(place, 'fixture.db'), file);
    const before = readdirSync(place);
    assert.deepEqual(before, ['app.db', 'app.db-shm', 'app.db-wal', 'fixture.db']);
    const raw = new Native(file, { readonly: true });
    assert.deepEqual(raw.prepare('SELECT a FROM t').pluck().all(), [1], 'the hazard: a commit of the deleted file');
    raw.close();
    const refused = (error: unknown): boolean =>
      error instanceof OrphanedJournalError && error.hint.includes('open the new file for writing first');
    assert.throws(() => new Database(file, { logger: false, readonly: true }), refused);
    assert.throws(() => openDatabase(file, { logger: false, readonly: true }), refused);
    assert.deepEqual(readdirSync(place), before);
    new Database(file, { logger: false }).close();
    assert.deepEqual(readdirSync(place), ['app.db', 'fixture.db']);
    const reading = new Database(file, { logger: false, readonly: true });
    assert.deepEqual(reading.prepare('SELECT a FROM t').pluck().all(), []);
    reading.close();
    old.close();
    new Database(file, { logger: false, readonly: true }).close();
  });

  test('another connection of this process has the new file open already: its sidecars stay', () => {
    const file = join(mkdtempSync(join(folder, 'twice-')), 'app.db');
    const old = new Database(file, { logger: false, sentinel: 'off' });
    old.exec('CREATE TABLE t(a); INSERT INTO t VALUES (1)');
    for (const end of ['', '-wal', '-shm']) rmSync(`${file}${end}`);
    const raw = new Native(file);
    raw.pragma('journal_mode = WAL');
    raw.exec('CREATE TABLE t(a); INSERT INTO t VALUES (2)');
    const second = new Database(file, { logger: false });
    assert.deepEqual(second.prepare('SELECT a FROM t').pluck().all(), [2]);
    raw.exec('INSERT INTO t VALUES (3)');
    assert.deepEqual(second.prepare('SELECT a FROM t').pluck().all(), [2, 3]);
    second.close();
    raw.close();
    old.close();
  });
});
