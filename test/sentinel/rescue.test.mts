import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import Native from 'better-sqlite3';
import { rescue, rescueName } from '../../dist/sentinel/rescue.js';

const folder = fs.mkdtempSync(join(tmpdir(), 'safe-sqlite-rescue-'));
after(() => fs.rmSync(folder, { recursive: true, force: true }));
const now = new Date('2026-11-21T12:00:00.000Z');

function open(name: string, mode = 'wal'): { file: string; db: Native.Database } {
  const file = join(folder, name);
  const db = new Native(file);
  db.pragma(`journal_mode=${mode}`);
  db.pragma('synchronous=FULL');
  db.exec('CREATE TABLE t(a)');
  return { file, db };
}

function rows(path: string): number {
  const db = new Native(path, { readonly: true });
  try {
    return db.prepare<[], number>('SELECT count(*) FROM t').pluck().get() ?? -1;
  } finally {
    db.close();
  }
}

/** From another process: in this one it would take the locks away. */
function rowsElsewhere(path: string): number {
  const script = `const D=require('better-sqlite3');const d=new D(process.argv[1]);process.stdout.write(String(d.prepare('SELECT count(*) FROM t').pluck().get()))`;
  return Number(spawnSync(process.execPath, ['-e', script, path], { encoding: 'utf8' }).stdout);
}

test('names are sorted by time and have no colon', () => {
  assert.equal(rescueName('app.db', now), 'app.db.rescued-20261121T120000.000Z.db');
});

test(
  'a rescued copy is private, also that of a private database whose permissions went with its name',
  {
    skip: process.platform === 'win32' && 'no modes',
  },
  () => {
    const { file, db } = open('private.db');
    fs.chmodSync(file, 0o600);
    const byItself = join(folder, 'by-itself.db');
    db.prepare('VACUUM INTO ?').run(byItself);
    assert.equal(
      fs.statSync(byItself).mode & 0o044,
      0o044,
      'the hazard: every user can read the copy that SQLite creates',
    );
    const result = rescue(db, { schema: 'main', name: 'private.db', directories: [folder] }, now);
    assert.ok(result.rescued);
    assert.equal(fs.statSync(result.path).mode & 0o777, 0o600);
    db.close();
  },
);

describe('everything the connection sees', () => {
  test(
    'also what was committed into a deleted -wal',
    { skip: process.platform === 'win32' ? 'open files cannot be deleted on Windows' : false },
    () => {
      const { file, db } = open('wal.db');
      db.exec('INSERT INTO t VALUES (1)');
      db.pragma('wal_checkpoint(TRUNCATE)');
      // As node:sqlite leaves them when it closes the file.
      fs.rmSync(`${file}-wal`);
      fs.rmSync(`${file}-shm`);
      for (let row = 0; row < 100; row++) db.prepare('INSERT INTO t VALUES (?)').run(row);
      const before = createHash('sha256').update(fs.readFileSync(file)).digest('hex');
      // The hazard: whoever opens the file by its name sees one of 101 committed rows.
      assert.equal(rowsElsewhere(file), 1);
      const result = rescue(db, { schema: 'main', name: 'wal.db', directories: [folder] }, now);
      assert.ok(result.rescued);
      assert.equal(result.path, join(folder, 'wal.db.rescued-20261121T120000.000Z.db'));
      assert.equal(result.problem, null);
      assert.equal(rows(result.path), 101);
      assert.equal(createHash('sha256').update(fs.readFileSync(file)).digest('hex'), before);
      db.close();
    },
  );

  for (const mode of ['wal', 'delete']) {
    test(
      `a replaced database in ${mode} mode, in the middle of a transaction`,
      { skip: process.platform === 'win32' ? 'open files cannot be replaced on Windows' : false },
      () => {
        const { file, db } = open(`replaced-${mode}.db`, mode);
        db.exec('INSERT INTO t VALUES (1)');
        db.exec('BEGIN IMMEDIATE; INSERT INTO t VALUES (2)');
        fs.writeFileSync(`${file}.new`, 'something else');
        fs.renameSync(`${file}.new`, file);
        const result = rescue(db, { schema: 'main', name: `replaced-${mode}.db`, directories: [folder] }, now);
        assert.ok(result.rescued);
        assert.equal(rows(result.path), 1);
        assert.equal(fs.readFileSync(file, 'utf8'), 'something else');
        db.close();
      },
    );
  }

  test('goes to the folder for temporary files when its own is gone', () => {
    const { db } = open('homeless.db');
    const result = rescue(
      db,
      { schema: 'main', name: `homeless-${process.pid}.db`, directories: [join(folder, 'gone')] },
      now,
    );
    assert.ok(result.rescued);
    assert.equal(result.path, join(tmpdir(), rescueName(`homeless-${process.pid}.db`, now)));
    fs.rmSync(result.path);
    db.close();
  });
});

test('the folders are tried in their order', () => {
  const { db } = open('choosy.db');
  const result = rescue(db, { schema: 'main', name: 'choosy.db', directories: [join(folder, 'gone'), folder] }, now);
  assert.ok(result.rescued);
  assert.equal(result.path, join(folder, rescueName('choosy.db', now)));
  db.close();
});

/** A filesystem of a megabyte; why not, where nothing may be mounted. */
function smallFilesystem(): { place: string } | { reason: string } {
  const place = fs.mkdtempSync(join(folder, 'small-'));
  const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', place]);
  return mounted.status === 0 ? { place } : { reason: 'needs the right to mount' };
}

describe('what cannot be rescued', () => {
  test('a full disk keeps no beginning of a copy, which could be taken for a rescued one', t => {
    const small = smallFilesystem();
    if ('reason' in small) return t.skip(small.reason);
    const { db } = open('large.db');
    db.exec('INSERT INTO t VALUES (zeroblob(3000000))');
    try {
      const beginning = join(small.place, 'raw.db');
      assert.throws(() => db.prepare('VACUUM INTO ?').run(beginning), { code: 'SQLITE_FULL' });
      assert.ok(fs.existsSync(beginning), 'the hazard: SQLite leaves it');
      fs.rmSync(beginning);
      const result = rescue(db, { schema: 'main', name: 'large.db', directories: [small.place, folder] }, now);
      assert.ok(result.rescued);
      assert.equal(result.path, join(folder, rescueName('large.db', now)));
      assert.deepEqual(fs.readdirSync(small.place), []);
    } finally {
      db.close();
      execFileSync('umount', [small.place]);
    }
  });

  test('an older rescue is not written over', () => {
    const { db } = open('again.db');
    for (const place of [folder, tmpdir()]) fs.writeFileSync(join(place, rescueName('again.db', now)), 'older');
    const result = rescue(db, { schema: 'main', name: 'again.db', directories: [folder] }, now);
    assert.ok(!result.rescued);
    assert.match(result.error.message, /again\.db\.rescued/);
    assert.equal(fs.readFileSync(join(folder, rescueName('again.db', now)), 'utf8'), 'older');
    fs.rmSync(join(tmpdir(), rescueName('again.db', now)));
    db.close();
  });

  test('a copy that another connection cannot check says so', () => {
    const { db } = open('functions.db');
    db.function('twice', { deterministic: true }, (value: unknown) => Number(value) * 2);
    db.exec('CREATE INDEX i ON t(twice(a)); INSERT INTO t VALUES (1)');
    const result = rescue(db, { schema: 'main', name: 'functions.db', directories: [folder] }, now);
    assert.ok(result.rescued);
    assert.match(result.problem ?? '', /twice/);
    db.close();
  });
});
