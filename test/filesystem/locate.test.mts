/** `locate` names the file that SQLite really opens. Each case opens it with raw better-sqlite3 to see which that is. */
import { test, describe, before, after, beforeEach } from 'node:test';
import assert from 'node:assert/strict';
import {
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative, resolve } from 'node:path';
import Database from 'better-sqlite3';
import fc from 'fast-check';
import { InvalidOptionError } from '../../dist/errors/refusals.js';
import { locate } from '../../dist/filesystem/locate.js';
import { noLinks } from '../support/links.mts';

let root = '';
let folder = '';
before(() => {
  root = realpathSync(mkdtempSync(join(tmpdir(), 'safe-sqlite-locate-')));
});
after(() => rmSync(root, { recursive: true, force: true }));
beforeEach(() => {
  folder = mkdtempSync(join(root, 'case-'));
});

/** Opens `name` with better-sqlite3, writes, and returns the file that SQLite says it has open. */
function fileOfSqlite(name: string): string {
  const db = new Database(name);
  try {
    db.exec('CREATE TABLE t(a)');
    return db.prepare<[], { file: string }>('SELECT file FROM pragma_database_list').all()[0]?.file ?? '';
  } finally {
    db.close();
  }
}

function sameAsSqlite(name: string): void {
  const before = locate(name);
  assert.equal(before.exists, false);
  assert.equal(fileOfSqlite(name), before.file);
  const after = locate(name);
  const { dev, ino, size } = statSync(before.file, { bigint: true });
  assert.deepEqual(after.identity, { dev, ino });
  assert.equal(after.size, Number(size));
  assert.equal(after.kind, 'file');
  assert.equal(after.nlink, 1);
  assert.deepEqual(
    [after.wal, after.shm, after.journal],
    [`${before.file}-wal`, `${before.file}-shm`, `${before.file}-journal`],
  );
}

const windows = process.platform === 'win32';

describe('the file that SQLite opens', () => {
  test('an absolute name', () => sameAsSqlite(join(folder, 'x.db')));
  test('a name relative to the working directory', () => sameAsSqlite(relative(process.cwd(), join(folder, 'x.db'))));
  test('white space around the name is trimmed', () => sameAsSqlite(`  ${join(folder, 'x.db')}\n`));
  test('white space and other characters inside it are kept', () =>
    sameAsSqlite(join(folder, windows ? 'ä b%20#.db' : 'ä b\n%20?#.db')));
  test('dots and doubled slashes', () => sameAsSqlite(`${folder}/./a//../x.db`.replace('a//../', '/./')));
  test('a name like a URI is a plain name', { skip: windows && 'there it names a stream, which is refused' }, () => {
    const directory = process.cwd();
    process.chdir(folder);
    try {
      sameAsSqlite('file:x.db');
      assert.ok(existsSync(join(folder, 'file:x.db')));
    } finally {
      process.chdir(directory);
    }
  });
  test('a symbolic link on the way', { skip: noLinks }, () => {
    mkdirSync(join(folder, 'real'));
    symlinkSync('real', join(folder, 'link'));
    sameAsSqlite(join(folder, 'link', 'x.db'));
  });
  test('a dangling symbolic link names its target', { skip: noLinks }, () => {
    mkdirSync(join(folder, 'real'));
    symlinkSync('real/target.db', join(folder, 'x.db'));
    sameAsSqlite(join(folder, 'x.db'));
    assert.equal(locate(join(folder, 'x.db')).file, join(folder, 'real/target.db'));
  });
  test('a chain of links, absolute and relative', { skip: noLinks }, () => {
    mkdirSync(join(folder, 'a/b'), { recursive: true });
    symlinkSync(join(folder, 'a/two'), join(folder, 'one'));
    symlinkSync('b/../three', join(folder, 'a/two'));
    symlinkSync('../end.db', join(folder, 'a/three'));
    sameAsSqlite(join(folder, 'one'));
    assert.equal(locate(join(folder, 'one')).file, join(folder, 'end.db'));
  });
  test('`..` after a link goes up from the target, unlike path.resolve', { skip: noLinks }, () => {
    mkdirSync(join(folder, 'a/b'), { recursive: true });
    symlinkSync('a/b', join(folder, 'link'));
    const name = `${folder}/link/../x.db`;
    sameAsSqlite(name);
    assert.equal(locate(name).file, join(folder, 'a/x.db'));
    assert.notEqual(locate(name).file, resolve(name));
  });
});

test('a link to the folder that it is in leads to that folder', { skip: noLinks }, () => {
  for (const target of ['.', './', './.']) {
    const top = mkdtempSync(join(folder, 'self-'));
    symlinkSync(target, join(top, 'self'));
    assert.equal(locate(join(top, 'self')).file, top);
    assert.equal(locate(join(top, 'self/self/x.db')).file, join(top, 'x.db'));
  }
});

test('in any tree of links it is where the kernel goes', { skip: noLinks }, () => {
  const name = fc.constantFrom('a', 'b', 'c', 'd');
  const element = fc.oneof({ weight: 5, arbitrary: name }, fc.constantFrom('..', '.', ''));
  const path = fc.array(element, { minLength: 1, maxLength: 5 }).map(elements => elements.join('/'));
  const link = fc.record({ at: fc.tuple(name, name), target: path, absolute: fc.boolean() });
  let reached = 0;
  fc.assert(
    fc.property(fc.array(link, { maxLength: 8 }), path, (links, asked) => {
      const top = mkdtempSync(join(folder, 'tree-'));
      mkdirSync(join(top, 'a/b/c'), { recursive: true });
      mkdirSync(join(top, 'd/a'), { recursive: true });
      for (const { at, target, absolute } of links) {
        const place = join(top, ...at);
        if (existsSync(dirname(place)) && !lstatSync(place, { throwIfNoEntry: false })) {
          symlinkSync(absolute ? `${top}/${target}` : target === '' ? '.' : target, place);
        }
      }
      const wanted = `${top}/${asked}`;
      if (!existsSync(wanted)) return;
      reached += 1;
      assert.equal(locate(wanted).file, realpathSync.native(wanted));
    }),
    { numRuns: 300 },
  );
  assert.ok(reached > 30);
});

test('an exact name is the file that ATTACH opens, also where better-sqlite3 would miss the folder as it is written', () => {
  const name = fc.constantFrom('a', 'b', 'missing', '..', '..', '.');
  const folders = fc.array(name, { maxLength: 4 });
  const raw = new Database(':memory:');
  let around = 0;
  fc.assert(
    fc.property(folders, elements => {
      const top = mkdtempSync(join(folder, 'exact-'));
      mkdirSync(join(top, 'tree/a/b'), { recursive: true });
      const wanted = [top, 'tree/a', ...elements, 'x.db'].join('/');
      const { file, parentExists } = locate(wanted, { exact: true });
      try {
        raw.prepare('ATTACH ? AS other').run(wanted);
      } catch {
        assert.equal(parentExists, false, wanted);
        return;
      }
      assert.deepEqual([realpathSync(file), parentExists], [raw.prepare("SELECT file FROM pragma_database_list WHERE name = 'other'").pluck().get(), true]); // prettier-ignore
      raw.exec('DETACH other');
      if (!existsSync(dirname(wanted))) around += 1;
    }),
    { numRuns: 200 },
  );
  raw.close();
  // Windows reads `missing\\..` by the letters alone, in each call.
  if (!windows) assert.ok(around > 10);
});

describe('what cannot be opened', () => {
  test('a missing folder: better-sqlite3 throws a TypeError where `parentExists` is false', () => {
    const name = join(folder, 'no/x.db');
    assert.equal(locate(name).parentExists, false);
    assert.throws(() => new Database(name), { name: 'TypeError', message: /directory does not exist/ });
  });
  test(
    'a dangling link into a missing folder: SQLite itself fails, and `parentExists` is true',
    { skip: noLinks },
    () => {
      symlinkSync('no/target.db', join(folder, 'x.db'));
      const location = locate(join(folder, 'x.db'));
      assert.deepEqual([location.parentExists, location.exists, location.directoryIdentity], [true, false, null]);
      assert.throws(() => new Database(join(folder, 'x.db')), { code: 'SQLITE_CANTOPEN' });
    },
  );
  test('a file in place of the folder', () => {
    writeFileSync(join(folder, 'file'), '');
    const location = locate(join(folder, 'file/x.db'));
    assert.deepEqual([location.exists, location.parentExists], [false, true]);
    assert.throws(() => new Database(join(folder, 'file/x.db')), { code: 'SQLITE_CANTOPEN' });
  });
  test('a folder in place of the file', () => assert.equal(locate(folder).kind, 'directory'));
  test('links that go round in a circle', { skip: noLinks }, () => {
    symlinkSync('b', join(folder, 'a'));
    symlinkSync('a', join(folder, 'b'));
    assert.throws(() => locate(join(folder, 'a')), { code: 'ELOOP' });
    assert.throws(() => new Database(join(folder, 'a')), { code: 'SQLITE_CANTOPEN' });
  });
  test('a NUL character: better-sqlite3 would open another file', () => {
    assert.throws(() => locate(`${folder}/x.db\0y`), InvalidOptionError);
  });
  test('a link to a name that ends in white space: its canonical name would be trimmed', { skip: noLinks }, () => {
    symlinkSync('target.db ', join(folder, 'x.db'));
    assert.throws(() => locate(join(folder, 'x.db')), InvalidOptionError);
  });
  test('a link into a folder whose name is not UTF-8', { skip: noLinks }, () => {
    const odd = Buffer.concat([Buffer.from(`${folder}/`), Buffer.from([0xff, 0xfe])]);
    mkdirSync(odd);
    writeFileSync(Buffer.concat([odd, Buffer.from('/x.db')]), '');
    symlinkSync(Buffer.concat([odd, Buffer.from('/x.db')]), join(folder, 'x.db'));
    assert.throws(() => locate(join(folder, 'x.db')), InvalidOptionError);
  });
});

test('hard links have one identity', () => {
  writeFileSync(join(folder, 'a.db'), 'x');
  linkSync(join(folder, 'a.db'), join(folder, 'b.db'));
  const [one, other] = [locate(join(folder, 'a.db')), locate(join(folder, 'b.db'))];
  assert.deepEqual(one.identity, other.identity);
  assert.equal(one.nlink, 2);
});
