import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import fs, { readFileSync as importedReadFileSync } from 'node:fs';
import { readFile as importedReadFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import type * as NodeSqlite from 'node:sqlite';
import { tmpdir } from 'node:os';
import { basename, join, relative } from 'node:path';
import { after, afterEach, before, beforeEach, describe, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import Native from 'better-sqlite3';
import { SqliteCopyConflictError } from '../../dist/errors/refusals.js';
import { admit, deletionOf, type Admission } from '../../dist/registry/registry.js';
import { sqliteCopyOf } from '../../dist/registry/sqlite-copy.js';
import { coveredCalls } from '../../dist/process-guard/covered-calls.js';
import { installProcessGuard } from '../../dist/process-guard/install.js';
import { identityOf, placeOf } from '../support/identity.mts';
import { closeLive, openLive, type Live } from '../support/live.mts';
import { noLinks } from '../support/links.mts';

const require = createRequire(import.meta.url);
const folder = fs.realpathSync(fs.mkdtempSync(join(tmpdir(), 'safe-sqlite-guard-')));
after(() => fs.rmSync(folder, { recursive: true, force: true }));

let live: Live;
let admission: Admission;
let file: string;
let removeGuard: () => void;
let count = 0;

beforeEach(() => {
  const place = join(folder, `case-${count++}`);
  fs.mkdirSync(place);
  file = join(place, 'app.db');
  admission = admit({ file, identity: null, place: placeOf(file), copy: sqliteCopyOf(undefined) });
  live = openLive(file);
  admission.setIdentity(identityOf(file));
  live.db.exec('INSERT INTO t VALUES (1)');
  fs.writeFileSync(join(place, 'other.txt'), 'other');
  removeGuard = installProcessGuard();
});

afterEach(() => {
  removeGuard();
  admission.release();
  closeLive(live);
});

const linux = process.platform === 'linux' ? false : 'needs the /proc of Linux';

function descriptorTarget(name: string): string | null {
  try {
    return fs.readlinkSync(`/proc/self/fd/${name}`);
  } catch {
    return null;
  }
}

type Harm = (path: string) => unknown;

/** Calls that would cancel locks, or change the file, whichever of the files of a database they are given. */
const harms: Record<string, Harm> = {
  openSync: path => fs.openSync(path, 'r'),
  readFileSync: path => fs.readFileSync(path),
  'readFileSync of an import': path => importedReadFileSync(path),
  'readFileSync of a Buffer': path => fs.readFileSync(Buffer.from(path)),
  'readFileSync of a URL': path => fs.readFileSync(pathToFileURL(path)),
  writeFileSync: path => fs.writeFileSync(path, ''),
  appendFileSync: path => fs.appendFileSync(path, ''),
  truncateSync: path => fs.truncateSync(path, 2 ** 21),
  'copyFileSync from': path => fs.copyFileSync(path, `${path}.copy`),
  'copyFileSync onto': path => fs.copyFileSync(join(folder, 'nothing'), path),
  'cpSync from': path => fs.cpSync(path, `${path}.copy`),
  'renameSync onto': path => fs.renameSync(join(folder, 'nothing'), path),
  'promises.open': path => fs.promises.open(path),
  'promises.readFile': path => fs.promises.readFile(path),
  'promises.readFile of an import': path => importedReadFile(path),
  'promises.writeFile': path => fs.promises.writeFile(path, ''),
  'promises.appendFile': path => fs.promises.appendFile(path, ''),
  'promises.truncate': path => fs.promises.truncate(path),
  'promises.copyFile': path => fs.promises.copyFile(path, `${path}.copy`),
  'promises.cp': path => fs.promises.cp(path, `${path}.copy`),
  openAsBlob: path => fs.openAsBlob(path),
  'open, by callback': path => promisify(fs.open)(path, 'r'),
  'readFile, by callback': path => promisify(fs.readFile)(path),
  'copyFile, by callback': path => promisify(fs.copyFile)(path, `${path}.copy`),
  createReadStream: path => once(fs.createReadStream(path).resume(), 'close'),
  'promises.rename onto': path => fs.promises.rename(join(folder, 'nothing'), path),
  'openSync for writing': path => fs.openSync(path, 'r+'),
  'openSync for writing, by number': path => fs.openSync(path, fs.constants.O_RDWR),
  'readFileSync with a flag that writes': path => fs.readFileSync(path, { flag: 'a+' }),
  createWriteStream: path => once(fs.createWriteStream(path), 'close'),
  'a ReadStream of its own': path => once(new fs.ReadStream(path as never).resume(), 'close'),
};

/** Of these, the calls that change nothing: harmless for what SQLite has no locks on. */
const reads = [
  'openSync',
  'readFileSync',
  'readFileSync of an import',
  'readFileSync of a Buffer',
  'readFileSync of a URL',
  'copyFileSync from',
  'cpSync from',
  'promises.open',
  'promises.readFile',
  'promises.readFile of an import',
  'promises.copyFile',
  'promises.cp',
  'openAsBlob',
  'open, by callback',
  'readFile, by callback',
  'copyFile, by callback',
  'createReadStream',
  'a ReadStream of its own',
];

async function refusalOf(call: () => unknown): Promise<SqliteCopyConflictError> {
  try {
    await call();
  } catch (error) {
    assert.ok(error instanceof SqliteCopyConflictError, String(error));
    return error;
  }
  assert.fail('it was not refused');
}

/** The guard need not refuse what Windows itself refuses. */
const noRemoval = process.platform === 'win32' && 'Windows removes and renames no file that is open';

describe('the hazards, refused before they do harm', () => {
  for (const [name, harm] of Object.entries(harms)) {
    for (const suffix of reads.includes(name) ? ['', '-shm'] : ['', '-wal', '-shm']) {
      test(`${name} of the ${suffix === '' ? 'database' : suffix}`, async () => {
        const error = await refusalOf(() => harm(file + suffix));
        assert.ok(error.message.includes(file + suffix));
        assert.notEqual(error.hint, '');
        assert.equal(live.sentinel.check('survey'), null);
        assert.equal(live.db.prepare('SELECT count(*) FROM t').pluck().get(), 1);
      });
    }
  }

  test('by a relative path, through ..', async () => {
    const path = join(folder, '..', basename(folder), basename(join(file, '..')), 'app.db');
    await refusalOf(() => fs.readFileSync(path));
    await refusalOf(() => fs.readFileSync(relative(process.cwd(), path)));
  });

  test('by a symbolic link of the same name', { skip: noLinks }, async () => {
    const elsewhere = join(folder, `links-${count}`);
    fs.mkdirSync(elsewhere);
    fs.symlinkSync(file, join(elsewhere, 'app.db'));
    fs.symlinkSync(join(file, '..'), join(elsewhere, 'folder'));
    const paths = [join(elsewhere, 'app.db'), join(elsewhere, 'folder', 'app.db')];
    for (const path of paths) await refusalOf(() => fs.readFileSync(path));
  });

  test('by the name that the database was opened by', { skip: noLinks }, async () => {
    const alias = join(folder, `alias-${count}.db`);
    fs.symlinkSync(file, alias);
    const second = admit({
      file,
      identity: identityOf(file),
      place: placeOf(file),
      copy: sqliteCopyOf(undefined),
      openedAs: alias,
    });
    await refusalOf(() => fs.readFileSync(alias));
    second.release();
  });

  describe('by another name', { skip: noLinks }, () => {
    const reads: Record<string, Harm> = {
      readFileSync: path => fs.readFileSync(path),
      copyFileSync: path => fs.copyFileSync(path, join(folder, `copy-${count}`)),
      'cpSync, which follows links': path => fs.cpSync(path, join(folder, `copy-${count}`), { dereference: true }),
      writeFileSync: path => fs.writeFileSync(path, ''),
      createReadStream: path => once(fs.createReadStream(path).resume(), 'close'),
      'promises.readFile': path => fs.promises.readFile(path),
      'readFile, by callback': path => promisify(fs.readFile)(path),
    };
    for (const [name, harm] of Object.entries(reads)) {
      test(`${name} of a symbolic link beside it, of a link to a link, and of a link to its -shm`, async () => {
        const place = join(file, '..');
        fs.symlinkSync(file, join(place, 'current'));
        fs.symlinkSync('current', join(place, 'newest'));
        fs.symlinkSync(`${file}-shm`, join(place, 'index'));
        for (const link of ['current', 'newest', 'index']) await refusalOf(() => harm(join(place, link)));
        assert.equal(live.sentinel.check('survey'), null);
      });
    }

    test('a call that waits is refused wherever the link stands', async () => {
      const link = join(folder, `elsewhere-${count}`);
      fs.symlinkSync(file, link);
      await refusalOf(() => fs.readFileSync(link));
      await refusalOf(() => fs.copyFileSync(link, `${link}.copy`));
      assert.equal(live.sentinel.check('survey'), null);
    });

    test('a hard link that was made before', async () => {
      removeGuard();
      fs.linkSync(file, join(file, '..', 'second'));
      removeGuard = installProcessGuard();
      await refusalOf(() => fs.readFileSync(join(file, '..', 'second')));
    });

    test('a descriptor of SQLite, by its name', { skip: linux }, async () => {
      const fd = fs.readdirSync('/proc/self/fd').find(name => descriptorTarget(name) === file);
      for (const name of [`/proc/self/fd/${fd}`, `/proc/${process.pid}/fd/${fd}`, `/dev/fd/${fd}`]) {
        await refusalOf(() => fs.readFileSync(name));
        await refusalOf(() => fs.promises.readFile(name));
      }
      assert.equal(live.sentinel.check('survey'), null);
    });

    test('a link itself may be copied, read, renamed and deleted, and links to other files are followed', () => {
      const place = join(file, '..');
      fs.symlinkSync(file, join(place, 'current'));
      fs.cpSync(join(place, 'current'), join(place, 'link-copy'));
      assert.equal(fs.readlinkSync(join(place, 'link-copy')), file);
      fs.renameSync(join(place, 'link-copy'), join(place, 'renamed'));
      fs.rmSync(join(place, 'renamed'));
      fs.symlinkSync('other.txt', join(place, 'text'));
      assert.equal(fs.readFileSync(join(place, 'text'), 'utf8'), 'other');
      fs.linkSync(join(place, 'other.txt'), join(place, 'second.txt'));
      assert.equal(fs.readFileSync(join(place, 'second.txt'), 'utf8'), 'other');
      assert.equal(live.sentinel.check('survey'), null);
    });
  });

  test('a sidecar that does not exist yet', async () => {
    await refusalOf(() => fs.writeFileSync(`${file}-journal`, 'x'));
    assert.equal(fs.existsSync(`${file}-journal`), false);
  });

  test('the folder that it lies in', async () => {
    const place = join(file, '..');
    await refusalOf(() => fs.cpSync(place, `${place}-copy`, { recursive: true }));
    await refusalOf(() => fs.promises.cp(place, `${place}-copy`, { recursive: true }));
    const other = join(folder, `other-${count}`);
    fs.mkdirSync(other);
    fs.writeFileSync(join(other, 'app.db'), 'old');
    await refusalOf(() => fs.cpSync(other, place, { recursive: true }));
    assert.equal(fs.existsSync(`${place}-copy`), false);
    assert.equal(live.sentinel.check('survey'), null);
    // A filter that leaves the database out makes the copy harmless.
    fs.cpSync(place, `${place}-copy`, { recursive: true, filter: source => !basename(source).startsWith('app.db') });
    assert.deepEqual(fs.readdirSync(`${place}-copy`), ['other.txt']);
  });
});

describe('what goes on as before', () => {
  for (const name of reads) {
    test(`${name} of the -wal, on which SQLite holds no lock`, async () => {
      const result = await harms[name]?.(`${file}-wal`);
      if (typeof result === 'number') fs.closeSync(result);
      else if (typeof result === 'object' && result !== null && 'close' in result) {
        await (result as { close(): Promise<void> }).close();
      }
      assert.equal(live.sentinel.check('survey'), null);
      assert.equal(live.db.prepare('SELECT count(*) FROM t').pluck().get(), 1);
    });
  }

  const removals: Record<string, (path: string) => unknown> = {
    unlinkSync: path => fs.unlinkSync(path),
    rmSync: path => fs.rmSync(path),
    'renameSync away': path => fs.renameSync(path, `${path}.moved`),
    'promises.unlink': path => fs.promises.unlink(path),
    'promises.rm': path => fs.promises.rm(path, { force: true }),
    'promises.rename away': path => fs.promises.rename(path, `${path}.moved`),
    'unlink, by callback': path => promisify(fs.unlink)(path),
    'rmSync of the folder': path => fs.rmSync(join(path, '..'), { recursive: true }),
  };
  for (const [name, remove] of Object.entries(removals)) {
    test(
      `${name}: no lock is cancelled, and the sentinel says that the file is gone`,
      { skip: noRemoval },
      async () => {
        await remove(file);
        assert.equal(fs.existsSync(file), false);
        if (fs.existsSync(join(file, '..'))) {
          // What comes there next is another file.
          fs.writeFileSync(file, 'next');
          assert.equal(fs.readFileSync(file, 'utf8'), 'next');
          fs.rmSync(file);
        }
        assert.equal(live.sentinel.check('survey')?.kind, 'databaseReplaced');
      },
    );
  }

  test('calls that open nothing, O_PATH, other files of the name, other names of the file', async () => {
    fs.statSync(file);
    fs.accessSync(file);
    fs.realpathSync(file);
    fs.existsSync(file);
    await fs.promises.stat(file);
    if (process.platform === 'linux') fs.closeSync(fs.openSync(file, 0o10000000));
    const other = join(folder, `same-name-${count}`);
    fs.mkdirSync(other);
    fs.writeFileSync(join(other, 'app.db'), 'mine');
    assert.equal(fs.readFileSync(join(other, 'app.db'), 'utf8'), 'mine');
    assert.equal(await fs.promises.readFile(join(other, 'app.db'), 'utf8'), 'mine');
    if (noLinks === false) {
      fs.symlinkSync(file, join(other, 'link'));
      fs.unlinkSync(join(other, 'link'));
    }
    fs.rmSync(other, { recursive: true });
    assert.equal(live.sentinel.check('survey'), null);
  });

  test('errors of fs itself, descriptors, and calls that fs refuses', async () => {
    assert.throws(() => fs.readFileSync(join(folder, 'nothing')), { code: 'ENOENT', syscall: 'open' });
    await assert.rejects(fs.promises.readFile(join(folder, 'nothing')), { code: 'ENOENT' });
    // @ts-expect-error -- a call without its callback
    assert.throws(() => fs.readFile(join(folder, 'nothing')), { code: 'ERR_INVALID_ARG_TYPE' });
    assert.throws(() => fs.readFileSync(null as never), { code: 'ERR_INVALID_ARG_TYPE' });
    const fd = fs.openSync(join(file, '..', 'other.txt'), 'r+');
    assert.equal(fs.readFileSync(fd, 'utf8'), 'other');
    fs.closeSync(fd);
    const handle = await fs.promises.open(join(file, '..', 'other.txt'));
    assert.equal(await fs.promises.readFile(handle, 'utf8'), 'other');
    await handle.close();
  });

  test('once the database is closed', () => {
    admission.release();
    const path = file;
    closeLive(live);
    assert.ok(fs.readFileSync(path).length > 0);
    live = openLive(path);
  });

  test('a callback is called in a later turn, as fs does', async () => {
    let sync = true;
    const called = new Promise<boolean>(resolve => fs.readFile(file, () => resolve(sync)));
    sync = false;
    assert.equal(await called, false);
  });
});

describe('taking it off', () => {
  test('names, lengths and properties are those of fs, and the functions come back with the last guard', () => {
    removeGuard();
    const names = Object.keys(coveredCalls).flatMap(name => [name, `${name}Sync`]);
    const shape = (): unknown =>
      names.map(name => {
        const found: unknown = Reflect.get(fs, name);
        return typeof found === 'function' ? [found.name, found.length, Reflect.ownKeys(found)] : null;
      });
    const functions = names.map(name => Reflect.get(fs, name) as unknown);
    const bare = shape();
    const first = installProcessGuard();
    const second = installProcessGuard();
    assert.deepEqual(shape(), bare);
    assert.notEqual(fs.readFileSync, functions[names.indexOf('readFileSync')]);
    first();
    first();
    assert.throws(() => fs.readFileSync(file), SqliteCopyConflictError);
    const taken = fs.readFileSync;
    second();
    assert.deepEqual(
      names.map(name => Reflect.get(fs, name) as unknown),
      functions,
    );
    assert.equal(importedReadFileSync, fs.readFileSync);
    assert.ok(taken(join(file, '..', 'other.txt')).length > 0);
    removeGuard = installProcessGuard();
  });

  test('a wrapper that other code put over this one stays, and lets everything pass', () => {
    removeGuard();
    removeGuard = installProcessGuard();
    const ours = fs.readFileSync;
    const theirs = ((...args: Parameters<typeof fs.readFileSync>) => ours(...args)) as typeof fs.readFileSync;
    fs.readFileSync = theirs;
    removeGuard();
    assert.equal(fs.readFileSync, theirs);
    assert.ok(fs.readFileSync(join(file, '..', 'other.txt')).length > 0);
  });
});

describe('node:sqlite', () => {
  let sqlite: typeof NodeSqlite;
  before(() => {
    const remove = installProcessGuard();
    sqlite = require('node:sqlite') as typeof NodeSqlite;
    remove();
  });

  test('is not loaded by the guard, and wrapped for whoever loads it later', () => {
    const script = `
      const { installProcessGuard } = require(${JSON.stringify(require.resolve('../../dist/process-guard/install.js'))});
      const loaded = () => process.moduleLoadList.includes('NativeModule sqlite');
      const remove = installProcessGuard();
      const before = loaded();
      import('node:sqlite').then(({ DatabaseSync }) => {
        const wrapped = require('node:util').types.isProxy(DatabaseSync) && require('node:sqlite').DatabaseSync === DatabaseSync;
        remove();
        const back = !require('node:util').types.isProxy(require('node:sqlite').DatabaseSync);
        process.stdout.write(JSON.stringify({ before, wrapped, back }));
      });`;
    const output = execFileSync(process.execPath, ['--no-warnings', '-e', script], { encoding: 'utf8' });
    assert.deepEqual(JSON.parse(output), { before: false, wrapped: true, back: true });
  });

  test('cannot open, reopen or back up onto an open database', async () => {
    const { DatabaseSync, backup } = require('node:sqlite') as typeof NodeSqlite;
    const source = new DatabaseSync(':memory:');
    for (const path of [
      file,
      pathToFileURL(file),
      Buffer.from(file),
      pathToFileURL(file).href,
      `file:${file}?mode=ro`,
    ]) {
      await refusalOf(() => new DatabaseSync(path));
      await refusalOf(() => backup(source, path));
    }
    class Mine extends DatabaseSync {}
    await refusalOf(() => new Mine(file));
    for (const sql of [
      `ATTACH '${file}' AS other`,
      `SELECT 1; /* behind */ attach database "${file}" as other`,
      `ATTACH 'file:${file}?mode=ro' AS other`,
      `VACUUM INTO '${file}-wal'`,
    ]) {
      await refusalOf(() => source.exec(sql));
      await refusalOf(() => source.prepare(sql));
    }
    source.exec(`ATTACH ':memory:' AS other; CREATE TABLE other.attach (vacuum)`);
    source.close();
    const closed = join(folder, `closed-${count}.db`);
    const later = new DatabaseSync(closed, { open: false });
    later.open();
    later.close();
    assert.ok(later instanceof DatabaseSync);
    const copy = sqliteCopyOf(undefined);
    const opened = admit({ file: closed, identity: identityOf(closed), place: placeOf(closed), copy });
    await refusalOf(() => later.open());
    opened.release();
    assert.equal(live.sentinel.check('survey'), null);
    assert.equal(new DatabaseSync(':memory:').prepare('SELECT 1 AS one').get()?.['one'], 1);
    assert.equal(typeof sqlite.DatabaseSync, 'function');
  });
});

describe('what the guard remembers', () => {
  const deletions: Readonly<Record<string, (path: string) => unknown>> = {
    unlinkSync: path => fs.unlinkSync(path),
    rmSync: path => fs.rmSync(path),
    'rmSync of the folder': path => fs.rmSync(join(path, '..'), { recursive: true }),
    'promises.unlink': path => fs.promises.unlink(path),
    'promises.rm': path => fs.promises.rm(path),
    'unlink, by callback': path => promisify(fs.unlink)(path),
  };
  for (const [name, remove] of Object.entries(deletions)) {
    test(`that this process deleted a database by ${name}`, async () => {
      const place = fs.mkdtempSync(join(folder, 'deleted-'));
      const victim = join(place, 'victim.db');
      new Native(victim).exec('CREATE TABLE t (x)').close();
      const identity = identityOf(victim);
      const opened = admit({ file: victim, identity, place: placeOf(victim), copy: sqliteCopyOf(undefined) });
      assert.equal(deletionOf(identity), null);
      await remove(victim);
      assert.notEqual(deletionOf(identity), null);
      opened.release();
    });
  }

  /** A name that was found to be plain, and is a symbolic link to the database now. */
  function turnedName(): string {
    const name = join(file, '..', 'other.txt');
    assert.equal(fs.readFileSync(name, 'utf8'), 'other');
    fs.unlinkSync(name);
    fs.symlinkSync(file, name);
    return name;
  }

  test('of a name ends with the next open', { skip: noLinks }, async () => {
    const name = turnedName();
    const next = join(folder, `next-${count}.db`);
    const opened = admit({ file: next, identity: null, place: placeOf(next), copy: sqliteCopyOf(undefined) });
    await refusalOf(() => fs.readFileSync(name));
    opened.release();
  });

  test('of names is bounded: the oldest go', { skip: noLinks }, async () => {
    const name = turnedName();
    const plain = join(folder, 'plain.txt');
    fs.writeFileSync(plain, '');
    for (let index = 0; index < 10_000; index++) {
      // Each of them is another text of one path.
      const detour = index.toString(2).replaceAll('0', './').replaceAll('1', '/');
      fs.readFileSync(`${folder}/${detour}plain.txt`);
    }
    await refusalOf(() => fs.readFileSync(name));
  });
});

test('what it costs a call that has nothing to do with a database', t => {
  const path = join(file, '..', 'other.txt');
  const read = (): void => void fs.readFileSync(path);
  const nanoseconds = (): number => {
    const runs = 2000;
    const start = process.hrtime.bigint();
    for (let run = 0; run < runs; run++) read();
    return Number(process.hrtime.bigint() - start) / runs;
  };
  let bare = Number.POSITIVE_INFINITY;
  let guarded = Number.POSITIVE_INFINITY;
  // The best of alternating rounds: what the machine does meanwhile falls on both.
  for (let round = 0; round < 10; round++) {
    guarded = Math.min(guarded, nanoseconds());
    removeGuard();
    bare = Math.min(bare, nanoseconds());
    removeGuard = installProcessGuard();
  }
  t.diagnostic(`readFileSync: ${bare.toFixed(0)} ns bare, ${guarded.toFixed(0)} ns guarded`);
  // One lstat beside open, fstat, read and close; more would mean that the names are not compared first.
  assert.ok(guarded < 3 * bare);
});

test('the hazard on raw better-sqlite3, without the guard: the lock is gone, and the row of another process', () => {
  removeGuard();
  fs.readFileSync(file);
  assert.equal(live.sentinel.check('commit')?.kind, process.platform === 'linux' ? 'locksLost' : undefined);
  removeGuard = installProcessGuard();
  assert.equal(Native.name, 'Database');
});
