/** VACUUM INTO by SQL: where SQLite may write its copy, and what happens without the check. */
import assert from 'node:assert/strict';
import { existsSync, linkSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import Native from 'better-sqlite3';
import Database, { OrphanedJournalError, UnsafeFilesystemError, UnsafeStatementError } from 'safe-sqlite';
import { descriptorsOn } from '../../dist/proc/descriptors.js';
import { parseLocks, watchLocks } from '../../dist/proc/locks.js';
import { registeredFiles } from '../../dist/registry/registry.js';
import { makeLab, whyNoMounts, whyNoType } from '../mounts/lab.mts';
import { identityOf } from '../support/identity.mts';
import { noLinks } from '../support/links.mts';

const root = mkdtempSync(join(tmpdir(), 'safe-sqlite-copy-'));
after(() => rmSync(root, { recursive: true }));

let count = 0;
function folder(): string {
  const made = join(root, String((count += 1)));
  mkdirSync(made);
  return made;
}

const fill = 'CREATE TABLE t (a); INSERT INTO t VALUES (1), (2), (3)';

function open(home: string, name = 'a.db'): InstanceType<typeof Database> {
  const db = new Database(join(home, name), { logger: false });
  db.exec(fill);
  return db;
}

function rowsOf(file: string): unknown {
  const copy = new Native(file, { readonly: true });
  try {
    return copy.prepare('SELECT count(*) FROM t').pluck().get();
  } finally {
    copy.close();
  }
}

const ways: Record<string, (db: InstanceType<typeof Database>, file: string) => unknown> = {
  'a literal in exec': (db, file) => db.exec(`SELECT 1; VACUUM main INTO '${file}'`),
  'a literal in prepare': (db, file) => db.prepare(`vacuum into '${file}';`).run(),
  'a parameter': (db, file) => db.prepare('VACUUM INTO ?').run(file),
  'a parameter in an array': (db, file) => db.prepare('VACUUM INTO ?').run([file]),
  'a named parameter': (db, file) => db.prepare('VACUUM INTO @copy').run({ other: 'x', copy: file }),
  'a numbered parameter': (db, file) => db.prepare('VACUUM INTO ?1').run({ 1: file }),
  'a parameter of bind': (db, file) => {
    const values = { copy: file };
    const statement = db.prepare('VACUUM INTO :copy').bind(values);
    values.copy = 'elsewhere';
    return statement.run();
  },
};

describe('VACUUM INTO', () => {
  test(
    'the hazard: SQLite opens and closes the -shm of an open database, and its locks are gone',
    {
      skip: process.platform === 'linux' ? false : 'needs the /proc of Linux',
    },
    () => {
      const file = join(folder(), 'raw.db');
      const raw = new Native(file);
      raw.pragma('journal_mode = WAL');
      raw.exec(fill);
      const found = descriptorsOn(identityOf(`${file}-shm`));
      assert.ok(found.supported && found.descriptors[0] !== undefined);
      const watch = watchLocks(found.descriptors[0].fd);
      assert.ok(watch.supported);
      assert.notDeepEqual(parseLocks(watch.reader.read() ?? ''), []);
      assert.throws(() => raw.exec(`VACUUM INTO '${file}-shm'`));
      assert.deepEqual(parseLocks(watch.reader.read() ?? ''), []);
      watch.reader.stop();
      raw.close();
    },
  );

  test('the hazard: SQLite writes its copy into the empty -wal of an open database', () => {
    const file = join(folder(), 'raw.db');
    const raw = new Native(file);
    raw.pragma('journal_mode = WAL');
    raw.exec(fill);
    raw.pragma('wal_checkpoint(TRUNCATE)');
    raw.exec(`VACUUM INTO '${file}-wal'`);
    assert.equal(rowsOf(`${file}-wal`), 3);
    raw.close();
  });

  test('the hazard: SQLite reaches a file through a folder that is missing, by `..`', () => {
    const home = folder();
    const raw = new Native(join(home, 'raw.db'));
    raw.exec(fill);
    raw.prepare('VACUUM INTO ?').run(`${home}/missing/../copy.db`);
    raw.close();
    assert.equal(rowsOf(join(home, 'copy.db')), 3);
  });

  for (const [how, copy] of Object.entries(ways)) {
    test(`${how}: copies to a new file, and not over what is open`, () => {
      const home = folder();
      const db = open(home);
      using other = open(home, 'b.db');
      const target = join(home, 'copy.db');
      copy(db, target);
      assert.equal(rowsOf(target), 3);
      linkSync(other.name, join(home, 'hard'));
      linkSync(`${db.name}-shm`, join(home, 'hard-shm'));
      if (noLinks === false) symlinkSync(other.name, join(home, 'soft'));
      for (const name of [
        'a.db',
        'a.db-wal',
        'a.db-shm',
        'a.db-journal',
        'b.db',
        'b.db-journal',
        'hard',
        'hard-shm',
        ...(noLinks === false ? ['soft'] : []),
      ]) {
        assert.throws(() => copy(db, join(home, name)), UnsafeStatementError, name);
        assert.throws(() => copy(db, `${home}/missing/../${name}`), UnsafeStatementError, name);
      }
      copy(db, `${home}/missing/../around.db`);
      assert.equal(rowsOf(join(home, 'around.db')), 3);
      assert.deepEqual(
        registeredFiles()
          .map(({ file }) => file)
          .toSorted(),
        [db.name, other.name],
        'the copy is not taken for an open database',
      );
      assert.equal(existsSync(`${db.name}-journal`), false);
      db.exec('INSERT INTO t VALUES (4)');
      db.close();
      assert.equal(rowsOf(db.name), 4);
    });
  }

  test('a computed file is evaluated by SQLite, once, and judged as it is written', () => {
    const home = folder();
    using db = open(home);
    db.prepare(`VACUUM INTO '${home}' || ?`).run('/c.db');
    db.exec(`VACUUM INTO (SELECT '${home}/d.db')`);
    assert.equal(rowsOf(join(home, 'c.db')), rowsOf(join(home, 'd.db')));
    assert.throws(() => db.prepare(`VACUUM INTO '${home}' || ?`).run('/a.db-journal'), UnsafeStatementError);
    assert.deepEqual(
      readdirSync(home).filter(name => name.endsWith('journal')),
      [],
    );
  });

  test('SQLite and better-sqlite3 say the rest themselves', () => {
    const home = folder();
    using db = open(home);
    open(home, 'full').close();
    assert.throws(() => db.prepare('VACUUM INTO ?').run(join(home, 'full')), /output file already exists/);
    assert.throws(() => db.prepare('VACUUM INTO ?').run(7), /non-text filename/);
    assert.throws(() => db.prepare('VACUUM INTO ?').run(), RangeError);
    assert.throws(() => db.exec('VACUUM INTO ?'), /non-text filename/);
    assert.throws(() => db.exec(`VACUUM INTO '${home}/no/c.db'`), { code: 'SQLITE_CANTOPEN' });
    writeFileSync(join(home, 'empty'), '');
    db.exec(`VACUUM INTO '${home}/empty'`);
    assert.equal(rowsOf(join(home, 'empty')), 3);
    db.exec("VACUUM INTO ':memory:'; VACUUM INTO ''");
  });

  test('a journal without its database is not deleted', () => {
    const home = folder();
    writeFileSync(join(home, 'c.db-wal'), 'x'.repeat(5000));
    using db = open(home);
    assert.throws(() => db.exec(`VACUUM INTO '${home}/c.db'`), OrphanedJournalError);
    assert.equal(existsSync(join(home, 'c.db')), false);
  });

  test('a read-only connection, and one in memory', () => {
    const home = folder();
    open(home).close();
    using reader = new Database(join(home, 'a.db'), { readonly: true, logger: false });
    reader.prepare('VACUUM INTO ?').run(join(home, 'c.db'));
    assert.equal(rowsOf(join(home, 'c.db')), 3);
    using memory = new Database(':memory:', { logger: false });
    memory.exec(fill);
    memory.exec(`VACUUM INTO '${home}/m.db'`);
    assert.equal(rowsOf(join(home, 'm.db')), 3);
    assert.throws(() => memory.exec(`VACUUM INTO '${home}/a.db-journal'`), UnsafeStatementError);
  });
});

const noFuse = whyNoMounts('bindfs') || whyNoType('fuse') || (existsSync('/dev/fuse') ? false : 'needs /dev/fuse');

describe('VACUUM INTO on ground of another machine', { skip: noFuse }, () => {
  const lab = makeLab();

  test('SQLite does not write there, and db.backup() carries a finished copy', async () => {
    const [source, mount] = [lab.folder('source'), lab.folder('bindfs')];
    lab.fuse(mount, 'bindfs', '-f', source, mount);
    const home = lab.folder('home');
    const target = join(mount, 'copy.db');
    const raw = new Native(':memory:');
    raw.exec(`VACUUM INTO '${mount}/raw.db'`);
    raw.close();
    assert.deepEqual(readdirSync(source), ['raw.db'], 'the hazard: SQLite itself writes there');
    using db = open(home);
    for (const copy of Object.values(ways)) {
      assert.throws(
        () => copy(db, target),
        (error: Error) =>
          error instanceof UnsafeFilesystemError && /db\.backup/.test(error.hint) && error.message.includes(mount),
      );
    }
    assert.deepEqual(readdirSync(source), ['raw.db']);
    await db.backup(target);
    assert.equal(rowsOf(join(source, 'copy.db')), 3);
    using allowed = new Database(join(home, 'a.db'), {
      logger: false,
      dangerously: { allowNetworkFilesystem: 'this test alone writes there' },
    });
    allowed.exec(`VACUUM INTO '${mount}/allowed.db'`);
    assert.equal(rowsOf(join(source, 'allowed.db')), 3);
  });
});
