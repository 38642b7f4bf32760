/** Paths that lead elsewhere than before, filesystems without a free inode, threads that cannot start. */
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import {
  mkdirSync,
  mkdtempSync,
  realpathSync,
  renameSync,
  rmSync,
  statfsSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import Native from 'better-sqlite3';
import { acceptedGround } from '../support/accepted-ground.mts';
import { Database, diagnose, restoreDatabase, verifyDatabase, type SafeSqliteError } from 'safe-sqlite';

const folder = realpathSync(mkdtempSync(join(tmpdir(), 'safe-sqlite-paths-')));
const mounts: string[] = [];
after(() => {
  for (const mount of mounts) spawnSync('umount', ['-l', mount]);
  rmSync(folder, { recursive: true, force: true });
});
const linux = process.platform === 'linux' ? false : 'needs Linux';
const root = process.platform === 'linux' && process.getuid?.() === 0 ? false : 'needs root, to mount';

describe('a symbolic link of a release folder that is switched while the process runs', { skip: linux }, () => {
  function releases(): { link: string; switchTo: (release: string) => void } {
    const place = mkdtempSync(join(folder, 'release-'));
    for (const release of ['r1', 'r2']) mkdirSync(join(place, release));
    const link = join(place, 'current');
    const switchTo = (release: string): void => {
      symlinkSync(join(place, release), `${link}.new`);
      renameSync(`${link}.new`, link);
    };
    switchTo('r1');
    return { link: join(link, 'app.db'), switchTo };
  }

  test('raw better-sqlite3 opens an empty database, untold; ours warns with both targets', () => {
    const raw = releases();
    const rawFirst = new Native(raw.link);
    rawFirst.exec('CREATE TABLE t(a)');
    raw.switchTo('r2');
    const rawSecond = new Native(raw.link);
    assert.deepEqual(rawSecond.prepare('SELECT name FROM sqlite_schema').all(), []);
    rawFirst.close();
    rawSecond.close();

    const { link, switchTo } = releases();
    const codes = (db: Database): readonly string[] => db.plan.warnings.map(({ code }) => code);
    const first = new Database(link, { logger: false });
    const again = new Database(link, { logger: false });
    assert.ok(!codes(first).includes('path-leads-elsewhere') && !codes(again).includes('path-leads-elsewhere'));
    switchTo('r2');
    const second = new Database(link, { logger: false });
    const warning = second.plan.warnings.find(({ code }) => code === 'path-leads-elsewhere');
    assert.ok(warning?.message.includes('/r1/app.db') && warning.message.includes('/r2/app.db'), warning?.message);
    switchTo('r1');
    const back = new Database(link, { logger: false });
    assert.ok(!codes(back).includes('path-leads-elsewhere'));
    for (const db of [first, again, second, back]) db.close();
  });

  test('a file that becomes a link, and a relative path behind chdir, which is another path', () => {
    const place = mkdtempSync(join(folder, 'moved-'));
    const file = join(place, 'app.db');
    new Database(file, { logger: false }).close();
    mkdirSync(join(place, 'volume'));
    renameSync(file, join(place, 'volume', 'app.db'));
    symlinkSync(join(place, 'volume', 'app.db'), file);
    const moved = new Database(file, { logger: false });
    assert.ok(moved.plan.warnings.some(({ code }) => code === 'path-leads-elsewhere'));
    moved.close();
    const before = process.cwd();
    try {
      for (const release of ['a', 'b']) {
        mkdirSync(join(place, release));
        process.chdir(join(place, release));
        const db = new Database('relative.db', { logger: false });
        assert.ok(!db.plan.warnings.some(({ code }) => code === 'path-leads-elsewhere'));
        db.close();
      }
    } finally {
      process.chdir(before);
    }
  });
});

test('no free inode: SQLite says CANTOPEN or FULL, ours names the inodes, and the advice works', { skip: root }, () => {
  const place = mkdtempSync(join(folder, 'inodes-'));
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'nr_inodes=40,size=8m', 'tmpfs', place]);
  mounts.push(place);
  const file = join(place, 'app.db');
  const raw = new Native(file);
  raw.pragma('journal_mode = DELETE');
  raw.exec('CREATE TABLE t(a)');
  raw.close();
  const fillers: string[] = [];
  while (statfsSync(place).ffree > 0) {
    const filler = join(place, `filler-${fillers.length}`);
    writeFileSync(filler, '');
    fillers.push(filler);
  }
  const rawFull = new Native(file);
  assert.throws(() => rawFull.exec('INSERT INTO t VALUES (1)'), /unable to open database file|full/);
  rawFull.close();
  const options = {
    logger: false,
    dangerously: { allowNonDurableFilesystem: 'this test fills a filesystem in memory' },
  } as const;
  const failure = thrown(() => {
    const db = new Database(file, options);
    try {
      db.exec('INSERT INTO t VALUES (1)');
    } finally {
      db.close();
    }
  });
  assert.match(failure.code, /^SQLITE_(CANTOPEN|FULL|IOERR)/);
  assert.match(failure.hint ?? '', /has no free inode/);
  assert.match(failure.hint ?? '', /`df -i /);
  for (const filler of fillers.slice(0, 5)) rmSync(filler);
  const db = new Database(file, options);
  db.exec('INSERT INTO t VALUES (1)');
  db.close();
});

test('no free inode under another file than the database: each operation names them', { skip: root }, async t => {
  const place = mkdtempSync(join(folder, 'inodes-elsewhere-'));
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'nr_inodes=40,size=8m', 'tmpfs', place]);
  mounts.push(place);
  const dangerously = { allowNonDurableFilesystem: 'this test fills a filesystem in memory' } as const;
  const options = { logger: false, dangerously } as const;
  const rollback = join(place, 'rollback.db');
  const wal = join(place, 'wal.db');
  for (const [file, journalMode] of [[rollback, 'rollback'] as const, [wal, 'wal'] as const]) {
    const db = new Database(file, { ...options, journalMode });
    db.exec('CREATE TABLE t(a)');
    db.close();
  }
  const outside = new Database(join(folder, 'outside.db'), { ...options, dangerously: acceptedGround });
  outside.exec('CREATE TABLE t(a)');
  outside.attach(rollback, 'attached');
  const inside = new Database(rollback, { ...options, journalMode: 'rollback' });
  t.after(() => {
    outside.close();
    inside.close();
  });
  assert.deepEqual(inside.health().reasons, []);
  while (statfsSync(place).ffree > 0) writeFileSync(join(place, `filler-${statfsSync(place).ffree}`), '');
  const members: Readonly<Record<string, () => unknown>> = {
    'a write to an attached database': () => outside.exec('INSERT INTO attached.t VALUES (1)'),
    ATTACH: () => outside.exec(`ATTACH '${wal}' AS walled`),
    'VACUUM INTO': () => outside.exec(`VACUUM INTO '${join(place, 'vacuum.db')}'`),
    'db.backup': () => outside.backup(join(place, 'backup.db')),
    restoreDatabase: () => restoreDatabase({ from: wal, to: join(place, 'restored.db') }),
    verifyDatabase: () => verifyDatabase(wal),
    'db.write': () => inside.write(() => inside.exec('INSERT INTO t VALUES (1)')),
  };
  for (const [name, run] of Object.entries(members)) {
    await assert.rejects(
      async () => run(),
      (error: SafeSqliteError) => /no free inode.*`df -i /.test(error.hint),
      name,
    );
  }
  assert.equal(inside.health().status, 'degraded');
  assert.match(inside.health().reasons.join(' '), /has 0 of 40 inodes free/);
  const doctor = await diagnose(rollback);
  assert.ok(doctor.findings.some(({ code, level }) => code === 'few-inodes' && level === 'problem'));
  assert.deepEqual(outside.health().reasons, [], 'its own disk has inodes');
});

function thrown(run: () => unknown): SafeSqliteError {
  try {
    run();
  } catch (error) {
    return error as SafeSqliteError;
  }
  throw new assert.AssertionError({ message: 'nothing was thrown' });
}

test('a maintenance thread that cannot start with the open files used up says so', { skip: linux }, () => {
  const file = join(mkdtempSync(join(folder, 'emfile-')), 'app.db');
  const program = `
    import { closeSync, openSync } from 'node:fs';
    import Database from ${JSON.stringify(import.meta.resolve('safe-sqlite'))};
    const db = new Database(process.argv[1], { logger: false, sentinel: 'off', checkpoint: { thread: 'worker' } });
    db.exec('CREATE TABLE t(a); INSERT INTO t VALUES (1)');
    const held = [];
    try { for (;;) held.push(openSync('/dev/null')); } catch { }
    closeSync(held.pop());
    let failure = null;
    try { await db.checkpoint(); } catch (error) { failure = { message: error.message, hint: error.hint }; }
    for (const fd of held) closeSync(fd);
    const { complete } = await db.checkpoint();
    db.close();
    console.log(JSON.stringify({ failure, complete }));
  `;
  const { stdout, stderr } = spawnSync(
    'sh',
    ['-c', 'ulimit -n 120; exec "$@"', 'sh', process.execPath, '--input-type=module', '-e', program, file],
    { encoding: 'utf8' },
  );
  assert.notEqual(stdout, '', stderr);
  const { failure, complete } = JSON.parse(stdout) as { failure: { message: string; hint: string }; complete: boolean };
  assert.match(failure.message, /could not start \(.*EMFILE/);
  assert.match(failure.hint, /ulimit -n/);
  assert.equal(complete, true);
});
