// The doctor on real files in real states: what it finds, and that it changes nothing. `looked` proves the latter each time.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  copyFileSync,
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
  openSync,
  readSync,
  writeSync,
  closeSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import Native from 'better-sqlite3';
import { diagnose, InvalidOptionError, openDatabase, type Diagnosis } from 'safe-sqlite';
import { writeFenceMarker } from '../../dist/filesystem/fence-marker.js';
import { bornWhenChanged } from '../support/birth-times.mts';
import { noLinks } from '../support/links.mts';
import { installSecondCopy } from '../support/second-copy.mts';
import {
  complaints,
  crashedWal,
  elsewhere,
  folder,
  found,
  holding,
  hotJournal,
  leftWal,
  looked,
} from './check-input.mts';
import { acceptedGround } from '../support/accepted-ground.mts';
import { until } from '../support/until.mts';

const noModes = process.platform === 'win32' && 'Windows has no modes';
const noProc = existsSync('/proc/self/fdinfo') ? false : 'needs Linux with /proc';
const noUsers = process.getuid?.() === 0 ? false : 'needs root, to give files to another user';

/** Changes one byte in the middle of a file, as a bad disk would. */
function damage(path: string, offset: number): void {
  const descriptor = openSync(path, 'r+');
  const byte = Buffer.alloc(1);
  readSync(descriptor, byte, 0, 1, offset);
  writeSync(descriptor, Buffer.of((byte[0] ?? 0) ^ 0xff), 0, 1, offset);
  closeSync(descriptor);
}

describe('sound databases', () => {
  for (const [mode, code] of [
    ['wal', 'wal-empty'],
    ['delete', 'rollback-mode'],
  ] as const) {
    test(`closed in good order, ${mode}`, async t => {
      const file = join(folder(t), 'app.db');
      elsewhere(
        file,
        `const db = new Native(file); db.pragma('journal_mode=${mode}'); db.exec('CREATE TABLE t(a)'); db.close()`,
      );
      const diagnosis = await looked(file);
      assert.deepEqual(complaints(diagnosis), []);
      assert.equal(found(diagnosis, code).level, 'ok');
      assert.equal(found(diagnosis, 'database').level, 'ok');
      assert.equal(diagnosis.facts.header?.journalMode, mode === 'wal' ? 'wal' : 'rollback');
      assert.ok(Object.isFrozen(diagnosis));
      assert.deepEqual(JSON.parse(JSON.stringify(diagnosis)), diagnosis, 'JSON carries it');
    });
  }

  test('held by another process, which is named with what it does and its locks', { skip: noProc }, async t => {
    const file = join(folder(t), 'app.db');
    const reader = await holding(
      t,
      file,
      `const db = new Native(file); db.pragma('journal_mode=WAL'); db.exec('CREATE TABLE t(a); INSERT INTO t VALUES (1)');
       db.pragma('wal_autocheckpoint=0'); db.exec('BEGIN'); db.prepare('SELECT * FROM t').all()`,
    );
    const writer = await holding(
      t,
      file,
      `const db = new Native(file); db.exec('INSERT INTO t VALUES (2); BEGIN IMMEDIATE; INSERT INTO t VALUES (3)')`,
    );
    const idle = await holding(t, file, `const db = new Native(file); db.prepare('SELECT * FROM t').all()`);
    const diagnosis = await looked(file);
    const open = diagnosis.findings.filter(({ code }) => code === 'open').map(({ what }) => what);
    const about = (pid: number): string => open.find(what => what.startsWith(`Process ${pid} (node`)) ?? '';
    assert.match(about(reader.pid), /is in a read transaction \(locks: .*SHARED.*READ\d.*DMS/);
    assert.match(about(writer.pid), /is in a write transaction \(locks: .*SHARED.* WRITE .*DMS/);
    assert.match(about(idle.pid), /is idle \(locks: SHARED DMS\)/);
    assert.equal(open.length, 3);
    assert.match(found(diagnosis, 'reader-behind').what, new RegExp(`^Process ${reader.pid} .* reads as of frame`));
    assert.match(
      found(diagnosis, 'wal-live').what,
      /in use: \d+ of \d+ frames of the -wal \(.*\) are not in the database yet/,
    );
    // What is under way at this moment is noted, and is no warning.
    assert.deepEqual(complaints(diagnosis), ['note reader-behind', 'note writing']);
  });

  test('open in this very process: it goes on, with its locks', { skip: noProc }, async t => {
    const file = join(folder(t), 'app.db');
    const db = openDatabase(file, { logger: false, checkpoint: 'off', dangerously: acceptedGround });
    t.after(() => db.close());
    db.exec('CREATE TABLE t(a); INSERT INTO t VALUES (1)');
    const diagnosis = await diagnose(file);
    assert.match(found(diagnosis, 'open').what, new RegExp(`^Process ${process.pid} `));
    assert.deepEqual(complaints(diagnosis), []);
    // The sentinel would have fenced it already if a lock were lost.
    db.exec('INSERT INTO t VALUES (2)');
    assert.equal(db.health().status, 'ok');
    elsewhere(file, `const db = new Native(file, { timeout: 0 }); db.exec('INSERT INTO t VALUES (3)'); db.close()`);
    assert.equal(db.prepare('SELECT count(*) FROM t').pluck().get(), 3);
  });
});

describe('the -wal', () => {
  test('of a process that was killed: its frames are counted, and come back', async t => {
    const file = join(folder(t), 'app.db');
    crashedWal(file, 3);
    const diagnosis = await looked(file);
    assert.deepEqual(complaints(diagnosis), [`warning ${leftWal(diagnosis).code}`]);
    assert.match(leftWal(diagnosis).what, /3 committed frames/);
    assert.deepEqual(leftWal(diagnosis).commands, [`npx safe-sqlite checkpoint ${file}`]);
    elsewhere(file, `if (new Native(file).prepare('SELECT count(*) FROM t').pluck().get() !== 3) process.exit(1)`);
  });

  test('left with an unfinished transaction at its end: only what was committed counts', async t => {
    const file = join(folder(t), 'app.db');
    elsewhere(
      file,
      `const db = new Native(file); db.pragma('journal_mode=WAL'); db.exec('CREATE TABLE t(a)'); db.pragma('wal_checkpoint(TRUNCATE)');
       db.exec('INSERT INTO t VALUES (1)'); db.pragma('cache_size=1'); db.pragma('cache_spill=1');
       db.exec('BEGIN; WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i < 500) INSERT INTO t SELECT randomblob(1000) FROM n');
       process.kill(process.pid, 'SIGKILL')`,
    );
    const { wal } = (await looked(file)).facts.journals ?? {};
    assert.equal(wal?.committedFrames, 1);
    assert.ok(wal.validFrames > 1, 'the test did not spill');
    assert.equal(wal.unreachableCommits, 0);
  });

  test('damaged in the middle: the commits after it are announced before SQLite forgets them', async t => {
    const file = join(folder(t), 'app.db');
    crashedWal(file, 4);
    damage(`${file}-wal`, 32 + (24 + 4096) * 1 + 24 + 2000);
    const diagnosis = await looked(file);
    assert.match(found(diagnosis, 'wal-damaged').what, /damaged at frame 2: 3 ends of transactions/);
    assert.equal(diagnosis.status, 'problem');
    // The hazard: SQLite says nothing, and three of four rows are gone.
    elsewhere(file, `if (new Native(file).prepare('SELECT count(*) FROM t').pluck().get() !== 1) process.exit(1)`);
  });

  test('with a damaged header', async t => {
    const file = join(folder(t), 'app.db');
    crashedWal(file);
    damage(`${file}-wal`, 20);
    assert.deepEqual(complaints(await looked(file)), ['problem wal-header-damaged']);
  });

  test('of an earlier round is behind the new one, and counts for nothing', async t => {
    const file = join(folder(t), 'app.db');
    elsewhere(
      file,
      `const db = new Native(file); db.pragma('journal_mode=WAL'); db.exec('CREATE TABLE t(a)'); db.pragma('wal_autocheckpoint=0');
       for (let row = 0; row < 9; row++) db.exec('INSERT INTO t VALUES (1)');
       db.pragma('wal_checkpoint(RESTART)'); db.exec('INSERT INTO t VALUES (2)'); process.kill(process.pid, 'SIGKILL')`,
    );
    const { wal } = (await looked(file)).facts.journals ?? {};
    assert.deepEqual([wal?.committedFrames, wal?.unreachableCommits], [1, 0]);
    assert.ok((wal?.framesInFile ?? 0) > 5);
  });

  test('without its database', async t => {
    const file = join(folder(t), 'app.db');
    crashedWal(file);
    rmSync(file);
    const diagnosis = await looked(file);
    assert.deepEqual(complaints(diagnosis), ['problem orphaned-journal']);
  });

  test('deleted or emptied after a process was killed: the index in the -shm still counts its frames', async t => {
    for (const lose of [(wal: string) => rmSync(wal), (wal: string) => truncateSync(wal, 0)]) {
      const file = join(folder(t), 'app.db');
      crashedWal(file, 3);
      lose(`${file}-wal`);
      const diagnosis = await looked(file);
      assert.deepEqual(complaints(diagnosis), ['problem wal-missing']);
      assert.match(found(diagnosis, 'wal-missing').what, /counts 3 frames of it that are not in the database/);
      // What is at stake: SQLite says nothing, and the rows are gone.
      elsewhere(file, `if (new Native(file).prepare('SELECT count(*) FROM t').pluck().get() !== 0) process.exit(1)`);
    }
  });

  test('deleted when all of it was in the database: nothing is lost', async t => {
    const file = join(folder(t), 'app.db');
    elsewhere(
      file,
      `const db = new Native(file); db.pragma('journal_mode=WAL'); db.exec('CREATE TABLE t(a); INSERT INTO t VALUES (1)');
       db.pragma('wal_checkpoint(PASSIVE)'); process.kill(process.pid, 'SIGKILL')`,
    );
    rmSync(`${file}-wal`);
    assert.deepEqual(complaints(await looked(file)), []);
  });

  test('that is a symbolic link', { skip: noLinks }, async t => {
    const home = folder(t);
    const file = join(home, 'app.db');
    crashedWal(file);
    renameSync(`${file}-wal`, join(home, 'elsewhere'));
    symlinkSync(join(home, 'elsewhere'), `${file}-wal`);
    const cannot = found(await looked(file), 'cannot-open');
    assert.match(cannot.what, /app\.db-wal is a symbolic link/);
  });

  test('damaged under a process that counts on it: the way out is a copy from inside', { skip: noProc }, async t => {
    const file = join(folder(t), 'app.db');
    await holding(
      t,
      file,
      `const db = new Native(file); db.pragma('journal_mode=WAL'); db.exec('CREATE TABLE t(a)'); db.pragma('wal_autocheckpoint=0');
       for (let row = 0; row < 5; row++) db.exec('INSERT INTO t VALUES (1)')`,
    );
    damage(`${file}-wal`, 32 + (24 + 4096) * 3 + 24 + 2000);
    assert.match(found(await looked(file), 'wal-damaged-live').what, /damaged at frame 4/);
  });
});

describe('the -journal', () => {
  test('that is hot', async t => {
    const file = join(folder(t), 'app.db');
    hotJournal(file);
    const diagnosis = await looked(file, { full: true });
    assert.deepEqual(complaints(diagnosis), ['warning hot-journal']);
    const unchecked = diagnosis.notLookedAt.find(({ what }) => what.includes('integrity'));
    assert.match(unchecked?.why ?? '', /playing it back/);
    elsewhere(file, `if (new Native(file).prepare('SELECT count(*) FROM t').pluck().get() !== 1) process.exit(1)`);
  });

  test('of a transaction that is under way', { skip: noProc }, async t => {
    const file = join(folder(t), 'app.db');
    elsewhere(file, `const db = new Native(file); db.exec('CREATE TABLE t(a)'); db.close()`);
    const writer = await holding(t, file, `const db = new Native(file); db.exec('BEGIN; INSERT INTO t VALUES (1)')`);
    const diagnosis = await looked(file);
    assert.match(found(diagnosis, 'journal-in-use').what, new RegExp(`^Process ${writer.pid} `));
    assert.deepEqual(complaints(diagnosis), ['note writing']);
  });

  test('that is finished (PERSIST)', async t => {
    const file = join(folder(t), 'app.db');
    elsewhere(
      file,
      `const db = new Native(file); db.pragma('journal_mode=PERSIST'); db.exec('CREATE TABLE t(a); INSERT INTO t VALUES (1)'); db.close()`,
    );
    assert.deepEqual(complaints(await looked(file)), []);
    assert.equal(found(await looked(file), 'journal-finished').level, 'ok');
  });

  test('over several databases names its super-journal', async t => {
    const home = folder(t);
    const file = join(home, 'app.db');
    elsewhere(
      file,
      `const db = new Native(file); db.exec("CREATE TABLE t(a); ATTACH '" + file + "2' AS two; CREATE TABLE two.t(a)"); db.close()`,
    );
    // The name stands in the journal while the databases are written: found at a moment of a real commit by a copy.
    copyFileSync(file, join(home, 'x.db'));
    const commit = spawnSync('strace', ['-V']);
    if (commit.status !== 0) return t.skip('needs strace, to stop a commit half-way');
    const script = `const Native = require('better-sqlite3'); const db = new Native(${JSON.stringify(file)}); db.exec("ATTACH '${file}2' AS two; BEGIN; INSERT INTO t VALUES (1); INSERT INTO two.t VALUES (1); COMMIT")`;
    // The super-journal is unlinked first of the three: the process is killed there.
    spawnSync(
      'strace',
      ['-f', '-qq', '-o', '/dev/null', '-e', 'inject=unlink:signal=KILL:when=1', process.execPath, '-e', script],
      { cwd: join(import.meta.dirname, '../..') },
    );
    const hot = found(await looked(file), 'hot-journal');
    assert.match(hot.action ?? '', /app\.db-mj\w+ decides/);
  });
});

describe('the file', () => {
  test('that is missing, empty, something else, or cut off', async t => {
    const home = folder(t);
    const file = join(home, 'app.db');
    assert.deepEqual(complaints(await looked(file)), ['problem no-database']);
    writeFileSync(file, '');
    assert.deepEqual(complaints(await looked(file)), ['warning empty-database']);
    writeFileSync(file, 'x'.repeat(5000));
    assert.deepEqual(complaints(await looked(file)), ['problem not-a-database']);
    rmSync(file);
    elsewhere(
      file,
      `const db = new Native(file); db.exec('CREATE TABLE t(a); INSERT INTO t VALUES (zeroblob(90000))'); db.close()`,
    );
    truncateSync(file, 40_000);
    assert.deepEqual(complaints(await looked(file)), ['problem cut-off']);
    assert.equal((await diagnose(join(home, 'no', 'app.db'))).status, 'problem');
  });

  test('a folder in its place is no hard link, though it has two names', async t => {
    const file = join(folder(t), 'app.db');
    mkdirSync(file);
    assert.deepEqual(complaints(await looked(file)), ['problem cannot-open']);
  });

  test('with two names', async t => {
    const home = folder(t);
    const file = join(home, 'app.db');
    elsewhere(file, `const db = new Native(file); db.exec('CREATE TABLE t(a)'); db.close()`);
    linkSync(file, join(home, 'second.db'));
    const link = found(await looked(file), 'hard-link');
    assert.match(link.what, /2 names .*second\.db/);
  });

  test('deleted under a process: it is named, and not to be stopped', { skip: noProc }, async t => {
    const file = join(folder(t), 'app.db');
    const holder = await holding(
      t,
      file,
      `const db = new Native(file); db.pragma('journal_mode=WAL'); db.exec('CREATE TABLE t(a)')`,
    );
    for (const name of [file, `${file}-wal`, `${file}-shm`]) rmSync(name);
    elsewhere(file, `const db = new Native(file); db.exec('CREATE TABLE t(a)'); db.close()`);
    const lost = found(await looked(file), 'deleted-file-in-use');
    assert.match(
      lost.what,
      new RegExp(`^Process ${holder.pid} .* works on a deleted or replaced database and -wal and -shm`),
    );
    assert.match(lost.action ?? '', /Do not end it/);
  });

  test(
    'deleted under a process: the command that it names saves what only the process has',
    { skip: noProc },
    async t => {
      const home = folder(t);
      const file = join(home, 'app.db');
      await holding(
        t,
        file,
        `const db = new Native(file); db.pragma('journal_mode=WAL'); db.exec('CREATE TABLE t(a); INSERT INTO t VALUES (7)')`,
      );
      for (const name of [file, `${file}-wal`]) rmSync(name);
      const diagnosis = await looked(file);
      // It stands before every other advice, and the next command does all of it.
      assert.equal(diagnosis.findings[0]?.code, 'deleted-file-in-use');
      const aside = folder(t);
      const { status, stderr } = spawnSync('sh', ['-ec', (diagnosis.next ?? '').replaceAll('<other storage>', aside)], {
        encoding: 'utf8',
      });
      assert.equal(status, 0, stderr);
      const copy = new Native(join(aside, 'app.db'));
      t.after(() => copy.close());
      assert.deepEqual(copy.prepare('SELECT a FROM t').pluck().all(), [7]);
    },
  );

  test(
    'a locked database: the writer is named; a suspended one, with the command that lets it go on',
    { skip: noProc },
    async t => {
      const file = join(folder(t), 'app.db');
      const holder = await holding(
        t,
        file,
        `const db = new Native(file); db.pragma('journal_mode=WAL'); db.exec('CREATE TABLE t(a)'); db.exec('BEGIN IMMEDIATE')`,
      );
      assert.match(
        found(await looked(file), 'writing').what,
        new RegExp(`^Process ${holder.pid} .* write transaction`),
      );
      process.kill(holder.pid ?? 0, 'SIGSTOP');
      await until(() => /^State:\s+T/m.test(readFileSync(`/proc/${holder.pid}/status`, 'utf8')), 'it is suspended');
      const diagnosis = await looked(file);
      assert.equal(found(diagnosis, 'stopped-holder').level, 'warning');
      assert.equal(
        diagnosis.findings.some(({ code }) => code === 'writing'),
        false,
      );
      assert.deepEqual(found(diagnosis, 'stopped-holder').commands, [`kill -CONT ${holder.pid}`]);
    },
  );

  test('symbolic links in a circle, into nothing, and a path through a file: one finding, and a command that works', async t => {
    const home = folder(t);
    const links = noLinks === false ? ['circle.db', 'nothing.db'] : [];
    if (noLinks === false) {
      symlinkSync('circle.db', join(home, 'circle.db'));
      symlinkSync(join(home, 'none', 'deep', 'app.db'), join(home, 'nothing.db'));
    }
    writeFileSync(join(home, 'file'), '');
    const long = `${'x'.repeat(300)}.db`;
    for (const name of [...links, join('file', 'app.db'), long]) {
      const diagnosis = await diagnose(join(home, name));
      const problems = diagnosis.findings.filter(({ level }) => level === 'problem');
      assert.deepEqual(
        problems.map(({ code }) => code),
        // Windows says of a name that is too long that nothing goes by it.
        [name === long && process.platform === 'win32' ? 'no-database' : 'cannot-open'],
        name,
      );
      const { status, stderr } = spawnSync(diagnosis.next ?? '', { encoding: 'utf8', shell: true });
      assert.equal(status, 0, `${name}: ${diagnosis.next}: ${stderr}`);
    }
  });

  for (const [what, bytes] of [
    ['a gzip file', gzipSync('x'.repeat(9000))],
    ['a text of SQL statements (a dump)', Buffer.from('PRAGMA foreign_keys=OFF;\nBEGIN TRANSACTION;\n')],
    ['a pointer of Git LFS, not the file itself', Buffer.from('version https://git-lfs.github.com/spec/v1\n')],
    ['a web page or XML', Buffer.from('<!DOCTYPE html><html><body>Login</body></html>')],
  ] as const) {
    test(`${what} in its place is named`, async t => {
      const file = join(folder(t), 'app.db');
      writeFileSync(file, bytes);
      assert.ok(found(await looked(file), 'not-a-database').what.endsWith(`, but as ${what}.`));
    });
  }

  test(
    'the gravest finding decides what is next, also where only a lesser one has a command',
    { skip: noModes },
    async t => {
      const home = folder(t);
      const file = join(home, 'app.db');
      hotJournal(file);
      chmodSync(home, 0o755);
      chmodSync(file, 0o666);
      const { next, findings } = await looked(file);
      assert.ok(findings.some(({ code }) => code === 'world-writable'));
      assert.equal(next, `npx safe-sqlite checkpoint ${file}`);
    },
  );

  test('read with fs by the process that has it open: its locks are lost', { skip: noProc }, async t => {
    const file = join(folder(t), 'app.db');
    const holder = await holding(
      t,
      file,
      `const db = new Native(file); db.pragma('journal_mode=WAL'); db.exec('CREATE TABLE t(a)'); require('fs').readFileSync(file)`,
    );
    const lost = found(await looked(file), 'locks-lost');
    assert.match(lost.what, new RegExp(`^Process ${holder.pid} .* without the lock SHARED`));
  });

  test('open beside SQLite: by the same process, for reading, for writing', { skip: noProc }, async t => {
    const file = join(folder(t), 'app.db');
    elsewhere(file, `const db = new Native(file); db.exec('CREATE TABLE t(a)'); db.close()`);
    await holding(
      t,
      file,
      `const db = new Native(file); db.prepare('SELECT * FROM t').all(); globalThis.fd = require('fs').openSync(file)`,
    );
    await holding(t, file, `const db = require('fs').openSync(file)`);
    await holding(t, file, `const db = require('fs').openSync(file, 'r+')`);
    assert.deepEqual(complaints(await looked(file)), [
      'note read-without-sqlite',
      'problem plain-descriptor',
      'problem written-without-sqlite',
    ]);
  });

  test('held by a process with two copies of SQLite', { skip: noProc }, async t => {
    const home = folder(t);
    const file = join(home, 'app.db');
    elsewhere(file, `const db = new Native(file); db.exec('CREATE TABLE t(a)'); db.close()`);
    const second = JSON.stringify(installSecondCopy(folder(t)));
    const holder = await holding(
      t,
      file,
      `const db = new Native(file); db.prepare('SELECT * FROM t').all(); new (require(${second}))(':memory:')`,
    );
    const copies = found(await looked(file), 'several-sqlite-copies');
    assert.match(copies.what, new RegExp(`^Process ${holder.pid} .* has 2 copies of SQLite loaded: `));
  });

  test('written by a SQLite that corrupts', async t => {
    const file = join(folder(t), 'app.db');
    elsewhere(
      file,
      `const db = new Native(file); db.pragma('journal_mode=WAL'); db.exec('CREATE TABLE t(a)'); db.close()`,
    );
    const descriptor = openSync(file, 'r+');
    const version = Buffer.alloc(4);
    version.writeUInt32BE(3_045_001);
    writeSync(descriptor, version, 0, 4, 96);
    closeSync(descriptor);
    const warning = found(await looked(file), 'written-by-unsafe-sqlite');
    assert.match(warning.what, /^SQLite 3\.45\.1 .*walresetbug/);
  });
});

describe('permissions', () => {
  test('every user may write the file, or the folder', { skip: noModes }, async t => {
    const home = folder(t);
    const file = join(home, 'app.db');
    elsewhere(file, `const db = new Native(file); db.exec('CREATE TABLE t(a)'); db.close()`);
    chmodSync(file, 0o666);
    chmodSync(home, 0o777);
    const diagnosis = await looked(file);
    assert.deepEqual(complaints(diagnosis), ['warning world-writable', 'warning world-writable-folder']);
    assert.deepEqual(found(diagnosis, 'world-writable').commands, [`chmod o-w ${file}`]);
    assert.match(found(diagnosis, 'world-writable-folder').what, /delete or replace/);
    chmodSync(home, 0o1777);
    assert.doesNotMatch(found(await looked(file), 'world-writable-folder').what, /delete or replace/);
  });

  test('a shell of root left a -wal that the service cannot write', { skip: noUsers }, async t => {
    const file = join(folder(t), 'app.db');
    crashedWal(file);
    chownSync(file, 4711, 4711);
    const diagnosis = await looked(file);
    assert.match(
      found(diagnosis, 'sidecar-of-another').what,
      /user 4711\) cannot write app\.db-wal \(user 0, mode 0644\), app\.db-shm/,
    );
    assert.deepEqual(found(diagnosis, 'sidecar-of-another').commands, [`chown 4711:4711 ${file}-wal ${file}-shm`]);
  });

  test('another user sees less, and the report says so', { skip: noUsers || noProc }, async t => {
    const home = folder(t);
    const file = join(home, 'app.db');
    elsewhere(file, `const db = new Native(file); db.exec('CREATE TABLE t(a)'); db.close()`);
    chmodSync(home, 0o755);
    const holder = await holding(t, file, `const db = new Native(file); db.exec('BEGIN IMMEDIATE')`);
    const script = `process.setgid(65534); process.setuid(65534); require(${JSON.stringify(join(import.meta.dirname, '../../dist/index.js'))})
      .diagnose(${JSON.stringify(file)}).then(d => console.log(JSON.stringify(d)))`;
    const asNobody = () => {
      const { stdout, stderr } = spawnSync(process.execPath, ['-e', script], { encoding: 'utf8' });
      assert.equal(stderr, '');
      return JSON.parse(stdout) as Diagnosis;
    };
    const diagnosis = asNobody();
    assert.deepEqual(complaints(diagnosis), [
      'note owner-differs',
      'note writing',
      'problem folder-not-writable',
      'problem not-writable',
    ]);
    assert.ok(diagnosis.notLookedAt.some(({ what }) => /processes? of other users/.test(what)));
    // Its descriptors are not to be seen, its locks are.
    assert.match(
      found(diagnosis, 'open').what,
      new RegExp(`^Process ${holder.pid} \\(node, user 0\\): is in a write transaction.*RESERVED`),
    );
    chmodSync(file, 0o600);
    const forbidden = asNobody();
    assert.equal(found(forbidden, 'cannot-look').level, 'warning');
    assert.equal(found(forbidden, 'not-readable').what, `This user may not read ${file}.`);
    chmodSync(home, 0o700);
    assert.equal(asNobody().status, 'problem');
  });
});

describe('fence, backups, neighbours', () => {
  test('a fence is explained, with the command that clears it', async t => {
    const file = join(folder(t), 'app.db');
    crashedWal(file);
    const fault = {
      file,
      time: new Date(Date.now() - 7_200_000).toISOString(),
      code: 'SQLITE_IOERR_FSYNC',
      operation: 'commit',
      message: 'disk I/O error',
    };
    assert.equal(writeFenceMarker(fault), null);
    const diagnosis = await looked(file);
    const fence = found(diagnosis, 'fenced');
    assert.match(fence.what, /2 hours ago: SQLITE_IOERR_FSYNC in a commit of process \d+/);
    assert.equal(fence.commands[0], `npx safe-sqlite doctor ${file} --clear-fence`);
    assert.equal(diagnosis.findings[0]?.code, 'fenced');
    assert.deepEqual(leftWal(diagnosis).commands, [], 'nobody is told to checkpoint it');
    // The disk that failed may have taken the name of the marker alone.
    truncateSync(`${file}-fenced`, 0);
    assert.equal(
      found(await looked(file), 'fenced').what,
      'The database has been fenced since an unknown time: SQLITE_IOERR (the fence marker cannot be read).',
    );
  });

  test('backups are found, also in a given folder; an old or changed one is reported', async t => {
    const home = folder(t);
    if (bornWhenChanged(home)) return t.skip('no birth times here: Wine gives the time of the last change for it');
    const file = join(home, 'app.db');
    const directory = join(home, 'nightly');
    const db = openDatabase(file, { logger: false, backup: { directory } });
    db.exec('CREATE TABLE t(a)');
    // The backup, its manifest, and no mark any more that one is being made.
    const done = /^app-[^,]+\.db,app-[^,]+\.json$/;
    await until(
      () => existsSync(directory) && done.test(readdirSync(directory).toSorted().join()),
      'the backup is made',
    );
    db.close();
    assert.equal(found(await looked(file), 'no-backup').level, 'note');
    assert.match(
      found(await looked(file, { backups: directory }), 'backup').what,
      /^1 backup; the newest is \d+ seconds? old: .*checked: quick/,
    );
    for (const each of readdirSync(directory))
      renameSync(join(directory, each), join(directory, each.replace(/-\d{8}T/, '-20200101T')));
    assert.equal(found(await looked(file, { backups: directory }), 'old-backup').level, 'warning');
    const [name = ''] = readdirSync(directory).filter(each => each.endsWith('.db'));
    truncateSync(join(directory, name), 1000);
    assert.equal(found(await looked(file, { backups: directory }), 'backup-changed').level, 'problem');
    assert.equal(found(await looked(file, { backups: join(home) }), 'no-backup').level, 'warning');
  });

  test('what lies beside it: plain copies, rescues, what a restore kept, conflicts of a synchronizer, leftovers', async t => {
    const home = folder(t);
    const file = join(home, 'app.db');
    elsewhere(file, `const db = new Native(file); db.exec('CREATE TABLE t(a)'); db.close()`);
    mkdirSync(join(home, 'app.db.d'));
    const beside = [
      'app.db.bak',
      'app copy.db',
      'app (2).db',
      'app.db.rescued-20261121T120000.000Z.db',
      'app.db.before-restore-20261121T120000000Z',
      'app (conflicted copy 2026-11-21).db',
      '.safe-sqlite-00c0ffee-123-456-abcdef.tmp',
    ];
    for (const name of [...beside, 'app.json', 'application.db', 'other.db']) copyFileSync(file, join(home, name));
    const { facts, findings } = await looked(file);
    assert.deepEqual(
      [
        facts.neighbours?.copies,
        facts.neighbours?.rescues,
        facts.neighbours?.kept,
        facts.neighbours?.conflicts,
        facts.neighbours?.leftovers,
      ].map(paths => paths?.map(path => path.slice(home.length + 1)).toSorted()),
      [['app (2).db', 'app copy.db', 'app.db.bak'], [beside[3]], [beside[4]], [beside[5]], [beside[6]]],
    );
    const codes = findings.map(({ code }) => code);
    for (const code of ['plain-copies', 'rescue', 'kept-by-restore', 'synchronized', 'unfinished-backup'])
      assert.ok(codes.includes(code), code);
  });
});

describe('full', () => {
  test('checks every page, beside a process that has it open', { skip: noProc }, async t => {
    const file = join(folder(t), 'app.db');
    await holding(t, file, `const db = new Native(file); db.pragma('journal_mode=WAL'); db.exec('CREATE TABLE t(a)')`);
    assert.equal(found(await looked(file, { full: true }), 'sound').level, 'ok');
  });

  test('tells damage', async t => {
    const file = join(folder(t), 'app.db');
    elsewhere(
      file,
      `const db = new Native(file); db.exec('CREATE TABLE t(a); INSERT INTO t VALUES (zeroblob(90000))'); db.close()`,
    );
    damage(file, 4096);
    assert.match(found(await looked(file, { full: true }), 'damaged').what, /integrity_check found damage/);
  });
});

describe('the call', () => {
  test('options are checked, an abort rejects', async t => {
    const file = join(folder(t), 'app.db');
    await assert.rejects(diagnose(''), InvalidOptionError);
    await assert.rejects(diagnose(file, { fulll: true } as object), InvalidOptionError);
    await assert.rejects(diagnose(file, { stepTimeoutMs: 0 }), InvalidOptionError);
    await assert.rejects(diagnose(file, { signal: AbortSignal.abort(new Error('enough')) }), /enough/);
  });

  test('the process that looks loads no SQLite, and nothing of the application', () => {
    const program = join(import.meta.dirname, '../../dist/doctor/safe-sqlite-doctor.js');
    const script = `process.argv[2] = JSON.stringify({ path: '/nonexistent/app.db', backups: null }); require(${JSON.stringify(program)});
      process.on('exit', () => console.error(Object.keys(require.cache).filter(path => /better-sqlite3|native/.test(path)).join()))`;
    const { stderr } = spawnSync(process.execPath, ['-e', script, 'x'], { encoding: 'utf8' });
    assert.equal(stderr.trim(), '');
  });
});
