/** A file under the name of a sidecar of another open database: SQLite must not open it, because it would close it again. */
import assert from 'node:assert/strict';
import { mkdtempSync, realpathSync, rmSync, statSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { after, describe, test } from 'node:test';
import Native from 'better-sqlite3';
import { Database, diagnose, verifyDatabase } from 'safe-sqlite';
import { locksOn } from '../../dist/proc/lock-table.js';
import { noLinks } from '../support/links.mts';

const folder = realpathSync(mkdtempSync(join(tmpdir(), 'safe-sqlite-sidecar-names-')));
after(() => rmSync(folder, { recursive: true, force: true }));
const linux = process.platform === 'linux' ? false : 'needs /proc/locks';

/** The locks that this process has on `file`, as the kernel lists them. */
function readLocks(file: string): readonly unknown[] {
  return locksOn(statSync(file, { bigint: true }));
}

let count = 0;
function path(): string {
  return join(folder, `${(count += 1)}.db`);
}

function opened(file: string): Database {
  const db = new Database(file, { logger: false });
  db.exec('CREATE TABLE t (a); INSERT INTO t VALUES (1)');
  return db;
}

test('the hazard: better-sqlite3 opens and closes the -shm, and every lock on it is gone', { skip: linux }, () => {
  for (const way of [
    (_: Native.Database, shm: string) => assert.throws(() => new Native(shm).pragma('user_version')),
    (db: Native.Database, shm: string) => assert.throws(() => db.prepare('ATTACH ? AS x').run(shm)),
  ]) {
    const file = path();
    const db = new Native(file);
    db.exec('PRAGMA journal_mode = WAL; CREATE TABLE t (a)');
    assert.notDeepEqual(readLocks(`${file}-shm`), []);
    way(db, `${file}-shm`);
    assert.deepEqual(readLocks(`${file}-shm`), []);
    db.close();
  }
});

const ways: Readonly<Record<string, (db: Database, name: string) => unknown>> = {
  'new Database': (_, name) => new Database(name, { logger: false }),
  'new Database, readonly': (_, name) => new Database(name, { logger: false, readonly: true }),
  'db.attach': (db, name) => db.attach(name, 'x'),
  'ATTACH in exec': (db, name) => db.exec(`ATTACH '${name}' AS x`),
  'ATTACH with a parameter': (db, name) => db.prepare('ATTACH :f AS x').run({ f: name }),
  'VACUUM INTO': (db, name) => db.prepare('VACUUM INTO ?').run(name),
};

describe('is refused, and no lock is lost', () => {
  for (const [way, run] of Object.entries(ways)) {
    for (const suffix of ['-shm', '-wal', '-journal']) {
      test(`${way} of the ${suffix} file`, () => {
        const file = path();
        using db = opened(file);
        const link = `${file}.link`;
        const linked = suffix === '-shm' && noLinks === false;
        if (linked) symlinkSync(`${file}${suffix}`, link);
        // SQLite itself reads the names of these ways, and takes `missing/..` out of them by the letters.
        const around = way.startsWith('new') ? [] : [`${folder}/missing/../${basename(file)}${suffix}`];
        for (const name of [`${file}${suffix}`, ...around, ...(linked ? [link] : [])]) {
          assert.throws(
            () => run(db, name),
            (error: Error & { code?: string; details?: { database?: string } }) => {
              const code = way.startsWith('new') ? 'SAFE_SQLITE_INVALID_OPTION' : 'SAFE_SQLITE_UNSAFE_STATEMENT';
              assert.equal(error.code, code);
              assert.equal(error.details?.database, file);
              return true;
            },
          );
        }
        if (linux === false) assert.notDeepEqual(readLocks(`${file}-shm`), []);
        db.exec('INSERT INTO t VALUES (2)');
      });
    }
  }

  test('the other way round: a database whose sidecar has the name of an open one', () => {
    const file = path();
    using db = opened(`${file}-wal`);
    assert.throws(() => new Database(file, { logger: false }), { code: 'SAFE_SQLITE_INVALID_OPTION' });
    assert.throws(() => db.attach(file, 'x'), { code: 'SAFE_SQLITE_UNSAFE_STATEMENT' });
    assert.throws(() => db.exec(`VACUUM INTO '${file}'`), { code: 'SAFE_SQLITE_UNSAFE_STATEMENT' });
  });

  test('verify and diagnose look at it without taking a lock away', { skip: linux }, async () => {
    const file = path();
    using db = opened(file);
    assert.equal((await verifyDatabase(`${file}-shm`)).ok, false);
    await diagnose(`${file}-shm`);
    assert.notDeepEqual(readLocks(`${file}-shm`), []);
    db.exec('INSERT INTO t VALUES (2)');
  });
});

test('such a name is a name like any other while no database beside it is open', () => {
  const file = path();
  using db = opened(`${file}-journal`);
  db.exec(`ATTACH '${path()}-wal' AS x; CREATE TABLE x.t (a)`);
  assert.equal(db.pragma('x.journal_mode', { simple: true }), 'delete');
});
