/** A copy, wherever it is made, is not readable for a user who could not read the database: modes, umask, groups, access lists. */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, chownSync, existsSync, mkdirSync, readdirSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { after, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import Native from 'better-sqlite3';
import fc from 'fast-check';
import { openDatabase, restoreDatabase } from 'safe-sqlite';
import { accessListNow, accessListOf, modeBeside } from '../../dist/filesystem/access-list.js';
import { rescue } from '../../dist/sentinel/rescue.js';
import { until } from '../support/until.mts';
import { service, sharedFolder, stranger, usersSkip } from './users.mts';

const { path: root, remove } = sharedFolder();
after(remove);
let made = 0;

/** Why access control lists cannot be tested here, or `false`. */
function listsSkip(): string | false {
  if (process.platform !== 'linux') return `needs Linux, this is ${process.platform}`;
  const tried = spawnSync('setfacl', ['-m', `u:${stranger}:r`, sharedFolder().path]);
  return tried.status === 0 ? false : 'needs setfacl (Debian: acl), and a filesystem with access control lists';
}

function database(mode: number): { readonly file: string; readonly folder: string } {
  const folder = join(root, `${made++}`);
  mkdirSync(folder, { mode: 0o755 });
  chmodSync(folder, 0o755);
  const file = join(folder, 'app.db');
  new Native(file).exec('CREATE TABLE t (a); INSERT INTO t VALUES (1)').close();
  chmodSync(file, mode);
  return { file, folder };
}

/** Whether a user, in a group, can read a file. */
function reads(uid: number, gid: number, path: string): boolean {
  const user = [`--reuid=${uid}`, `--regid=${gid}`, '--clear-groups', '--inh-caps=-all', '--bounding-set=-all'];
  return spawnSync('setpriv', [...user, 'head', '-c', '1', path]).status === 0;
}

/** Each way to a copy; returns its path. */
const ways: Readonly<Record<string, (file: string, folder: string) => Promise<string> | string>> = {
  'VACUUM INTO': (file, folder) => {
    using db = openDatabase(file, { logger: false });
    db.exec(`VACUUM INTO '${join(folder, 'into.db')}'`);
    return join(folder, 'into.db');
  },
  'VACUUM INTO with a bound name': (file, folder) => {
    using db = openDatabase(file, { logger: false });
    db.prepare('VACUUM main INTO ?').run(join(folder, 'bound.db'));
    return join(folder, 'bound.db');
  },
  backup: async (file, folder) => {
    using db = openDatabase(file, { logger: false });
    return (await db.backup(join(folder, 'copy.db'))).path;
  },
  'a work copy for another filesystem': async (file, folder) => {
    const { backUp } = await import('../backup/fixture.mts');
    const db = new Native(file);
    const context = { isNetwork: (path: string) => path === folder };
    const result = await backUp(db, join(folder, 'remote.db'), {}, context).finally(() => db.close());
    return result.path;
  },
  'a scheduled backup and its manifest': async (file, folder) => {
    const directory = join(folder, 'scheduled');
    const db = openDatabase(file, { logger: false, backup: { directory } });
    const { promise, resolve } = Promise.withResolvers<string>();
    db.events.on('backup', ({ path }) => resolve(path));
    const path = await promise;
    await until(() => readdirSync(directory).some(name => name.endsWith('.json')), 'the manifest');
    db.close();
    return path.replace(/\.db$/, '.json');
  },
  restore: async (file, folder) => (await restoreDatabase({ from: file, to: join(folder, 'restored.db') })).path,
  rescue: (file, folder) => {
    const db = new Native(file);
    const saved = rescue(db, { schema: 'main', name: 'app.db', directories: [folder] }, new Date());
    db.close();
    assert.ok(saved.rescued);
    return saved.path;
  },
};

describe('the access to a copy', { skip: usersSkip() }, () => {
  test('the hazard: SQLite makes a copy of a private database that every user can read', () => {
    const { file, folder } = database(0o600);
    const raw = new Native(file);
    raw.prepare('VACUUM INTO ?').run(join(folder, 'raw.db'));
    raw.close();
    assert.ok(reads(stranger, stranger, join(folder, 'raw.db')));
  });

  for (const [way, copy] of Object.entries(ways)) {
    for (const mode of [0o600, 0o640, 0o604, 0o666]) {
      for (const mask of mode === 0o640 ? [0o000, 0o027] : [0o000]) {
        test(`${way}: of a database of mode ${mode.toString(8)}, umask ${mask.toString(8)}`, async () => {
          const { file, folder } = database(mode);
          chownSync(file, 0, service);
          const before = process.umask(mask);
          const path = await Promise.resolve(copy(file, folder)).finally(() => process.umask(before));
          assert.equal(statSync(path).mode & 0o666 & ~mode, 0, (statSync(path).mode & 0o777).toString(8));
          for (const [uid, gid] of [
            [stranger, stranger],
            [stranger, service],
          ] as const)
            if (!reads(uid, gid, file)) assert.ok(!reads(uid, gid, path), `${uid}:${gid}`);
        });
      }
    }
  }

  test('a copy of what has no file is as any new file of SQLite', () => {
    using db = openDatabase(':memory:', { logger: false });
    db.exec('CREATE TABLE t (a)');
    const path = join(root, 'memory.db');
    const before = process.umask(0o027);
    db.exec(`VACUUM INTO '${path}'`);
    process.umask(before);
    assert.equal(statSync(path).mode & 0o777, 0o640);
  });

  test('a VACUUM INTO that fails leaves no empty file, and one over an older file fails as in SQLite', () => {
    const { file, folder } = database(0o600);
    using db = openDatabase(file, { logger: false });
    const path = join(folder, 'failed.db');
    assert.throws(() => db.transaction(() => db.exec(`VACUUM INTO '${path}'`))(), { code: 'SQLITE_ERROR' });
    assert.equal(existsSync(path), false);
    new Native(path).exec('CREATE TABLE other (a)').close();
    chmodSync(path, 0o604);
    assert.throws(() => db.exec(`VACUUM INTO '${path}'`), {
      code: 'SQLITE_ERROR',
      message: /output file already exists/,
    });
    assert.equal(statSync(path).mode & 0o777, 0o604);
  });
});

describe('an access control list', { skip: usersSkip() || listsSkip() }, () => {
  const acl = (...args: readonly string[]): void => {
    const { status, stderr } = spawnSync('setfacl', args, { encoding: 'utf8' });
    assert.equal(status, 0, stderr);
  };

  test('the hazard: the mode of a file with one is its mask, and as the mode of a copy it lets the group in', () => {
    const { file, folder } = database(0o600);
    chownSync(file, 0, service);
    acl('-m', `u:${stranger}:r,g::-`, file);
    assert.equal(statSync(file).mode & 0o777, 0o640);
    assert.ok(!reads(61_009, service, file));
    const copy = join(folder, 'naive.db');
    new Native(file).exec(`VACUUM INTO '${copy}'`).close();
    chownSync(copy, 0, service);
    chmodSync(copy, statSync(file).mode);
    assert.ok(reads(61_009, service, copy));
  });

  test('is seen, beside a file without one', async () => {
    const { file } = database(0o640);
    assert.deepEqual([accessListNow(file), await accessListOf(file)], [false, false]);
    acl('-m', `u:${stranger}:r`, file);
    assert.deepEqual([accessListNow(file), await accessListOf(file)], [true, true]);
    assert.equal(accessListNow(`${file}-missing`), null);
  });

  test('is seen at once beside the fake timers of a test runner, which hold back the output of a process', () => {
    const { file } = database(0o640);
    acl('-m', `u:${stranger}:r`, file);
    const program = fileURLToPath(import.meta.resolve('../../dist/filesystem/access-list.js'));
    const { stdout, stderr } = spawnSync(
      process.execPath,
      [
        '-e',
        `const { accessListOf } = require(${JSON.stringify(program)});
         process.nextTick = () => {};
         setImmediate(() => console.log('the next turn of the event loop'));
         accessListOf(${JSON.stringify(file)}).then(seen => console.log(seen));`,
      ],
      { encoding: 'utf8' },
    );
    assert.equal(stdout, 'true\nthe next turn of the event loop\n', stderr);
  });

  for (const [way, copy] of Object.entries(ways)) {
    test(`${way}: of a database with one only the owner reads it`, async () => {
      const { file, folder } = database(0o600);
      chownSync(file, 0, service);
      acl('-m', `u:${stranger}:r,g::-`, file);
      const path = await copy(file, folder);
      assert.ok(!reads(61_009, service, path));
      assert.ok(!reads(61_009, 61_009, path));
    });

    test(`${way}: into a folder that gives one to new files it does not work`, async () => {
      const { file, folder } = database(0o640);
      chownSync(file, 0, service);
      const target = join(folder, 'shared');
      mkdirSync(target);
      acl('-d', '-m', `u:${stranger}:rwx`, target);
      acl('-m', `u:${stranger}:rwx`, target);
      const path = await copy(file, target);
      assert.ok(!reads(stranger, stranger, file));
      assert.ok(!reads(stranger, stranger, path), basename(path));
    });
  }

  test('a restore says that the list of the old database is not on the new one', async () => {
    const { file, folder } = database(0o600);
    const backup = join(folder, 'backup.db');
    new Native(file).exec(`VACUUM INTO '${backup}'`).close();
    acl('-m', `u:${stranger}:rw`, file);
    const { access } = await restoreDatabase({ from: backup, to: file });
    assert.deepEqual([access.accessList, access.mode], [true, 0o600]);
  });
});

test('whoever may read a database can stop its writers; mode 0600 keeps them out', { skip: usersSkip() }, async () => {
  const { file } = database(0o644);
  const native = fileURLToPath(import.meta.resolve('better-sqlite3'));
  const hold = `const db = new (require('${native}'))('${file}', { readonly: true });
    db.exec('BEGIN'); db.prepare('SELECT * FROM t').all(); console.log('held'); process.stdin.resume()`;
  const user = [`--reuid=${stranger}`, `--regid=${stranger}`, '--clear-groups'];
  const child = spawn('setpriv', [...user, process.execPath, '-e', hold], { stdio: ['pipe', 'pipe', 'inherit'] });
  await once(child.stdout, 'data');
  using db = openDatabase(file, { logger: false, journalMode: 'rollback', timeout: 50 });
  assert.throws(() => db.exec('INSERT INTO t VALUES (2)'), { code: 'SQLITE_BUSY' });
  child.kill();
  await once(child, 'exit');
  db.exec('INSERT INTO t VALUES (2)');
  chmodSync(file, 0o600);
  const refused = spawnSync('setpriv', [...user, process.execPath, '-e', hold], { encoding: 'utf8', input: '' });
  assert.match(refused.stderr, /SQLITE_CANTOPEN/);
});

test('the mode beside a list is never more than the mode', () => {
  const list = fc.constantFrom(true, false, null);
  fc.assert(
    fc.property(fc.nat({ max: 0o777 }), list, list, (mode, source, target) => {
      const given = modeBeside(mode, { source, target });
      assert.equal(given & ~mode, 0);
      assert.equal(given & 0o700, mode & 0o700);
      if (source === true) assert.equal(given & 0o077, 0);
      else if (target === true) assert.equal((given >> 3) & 0o007 & ~(mode & 0o007), 0);
      else assert.equal(given, mode);
    }),
  );
});
