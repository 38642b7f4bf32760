import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import Native from 'better-sqlite3';
import { descriptorsOn, parseFlags, parseTarget } from '../../dist/proc/descriptors.js';
import { parseLocks, watchLocks } from '../../dist/proc/locks.js';
import { mayCarrySqlite, otherCopies, parseMaps, loadedLibraries } from '../../dist/proc/loaded-copies.js';
import { sqliteCopyOf } from '../../dist/registry/sqlite-copy.js';
import { identityOf } from '../support/identity.mts';

const folder = mkdtempSync(join(tmpdir(), 'safe-sqlite-proc-'));
after(() => rmSync(folder, { recursive: true }));
const linux = process.platform === 'linux' ? false : 'needs the /proc of Linux';

const writing = [
  'pos:\t0',
  'flags:\t02500002',
  'mnt_id:\t26',
  'ino:\t2147042',
  'lock:\t1: POSIX  ADVISORY  WRITE 8250 fe:00:2147042 120 120',
  'lock:\t2: POSIX  ADVISORY  READ 8250 fe:00:2147042 124 124',
  'lock:\t3: OFDLCK ADVISORY  READ -1 fe:00:2147042 7 7',
  'lock:\t4: FLOCK  ADVISORY  WRITE 8250 fe:00:2147042 0 EOF',
  'lock:\t5: POSIX  ADVISORY  READ 8250 fe:00:2147042 128 EOF',
  'lock:\t5: -> POSIX  ADVISORY  READ 8250 fe:00:2147042 1 1',
  '',
].join('\n');

describe('parsers', () => {
  test('only granted POSIX locks count', () => {
    assert.deepEqual(parseLocks(writing), [
      { kind: 'write', start: 120, end: 120 },
      { kind: 'read', start: 124, end: 124 },
      { kind: 'read', start: 128, end: Number.POSITIVE_INFINITY },
    ]);
    assert.deepEqual(parseLocks('pos:\t0\nflags:\t02\n'), []);
  });

  test('flags are octal', () => {
    assert.equal(parseFlags(writing), 0o2500002);
    assert.equal(parseFlags('pos: 0'), null);
  });

  test('link targets', () => {
    assert.deepEqual(parseTarget('/a/b.db'), { path: '/a/b.db', deleted: false });
    assert.deepEqual(parseTarget('/a/b.db-wal (deleted)'), { path: '/a/b.db-wal', deleted: true });
    assert.equal(parseTarget('socket:[123]'), null);
    assert.equal(parseTarget('anon_inode:[eventpoll]'), null);
  });

  test('memory maps name each file once, with spaces in its name', () => {
    const maps = [
      '7f38bf400000-7f38bf40f000 r--p 00000000 fe:00 5333160                    /app/node modules/x.node',
      '7f38bf40f000-7f38bf5ce000 r-xp 0000f000 fe:00 5333160                    /app/node modules/x.node',
      '7f39-7f3a rw-s 00000000 fe:00 42                    /tmp/sqlite.node',
      '7ffc1-7ffc2 rw-p 00000000 00:00 0                          [stack]',
      '7f-80 rw-p 00000000 00:00 0 ',
    ].join('\n');
    assert.deepEqual(parseMaps(maps), [{ path: '/app/node modules/x.node', inode: 5333160n }]);
    assert.equal(mayCarrySqlite('/usr/lib/libsqlite3.so.0'), true);
    assert.equal(mayCarrySqlite('/usr/lib/libc.so.6'), false);
    assert.equal(mayCarrySqlite('/srv/sqlite/app.db-shm'), false);
  });
});

describe('a live connection', { skip: linux }, () => {
  test('its locks are seen at its descriptor, vanish with it, and after fs reads the file', () => {
    const file = join(folder, 'live.db');
    const db = new Native(file);
    db.pragma('journal_mode=WAL');
    db.exec('CREATE TABLE t(a)');
    const found = descriptorsOn(identityOf(file));
    assert.ok(found.supported);
    assert.equal(found.descriptors.length, 1);
    const [descriptor] = found.descriptors;
    assert.ok(descriptor);
    assert.deepEqual(
      { path: descriptor.path, deleted: descriptor.deleted, links: descriptor.links },
      { path: file, deleted: false, links: 1 },
    );
    const watch = watchLocks(descriptor.fd);
    assert.ok(watch.supported);
    assert.deepEqual(parseLocks(watch.reader.read() ?? ''), [{ kind: 'read', start: 1073741826, end: 1073742335 }]);
    readFileSync(file);
    assert.deepEqual(parseLocks(watch.reader.read() ?? ''), []);
    db.close();
    assert.equal(watch.reader.read(), null);
    watch.reader.stop();
  });

  test('the loaded addon is found, and is not another copy', () => {
    const loaded = loadedLibraries();
    assert.ok(loaded.supported);
    const own = sqliteCopyOf(undefined);
    assert.ok(own.addon);
    assert.deepEqual(
      loaded.libraries.map(library => library.inode),
      [own.addon.ino],
    );
    assert.deepEqual(otherCopies(own.addon), []);
  });
});
