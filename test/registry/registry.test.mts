import assert from 'node:assert/strict';
import { closeSync, constants, linkSync, mkdtempSync, openSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, describe, test } from 'node:test';
import Native from 'better-sqlite3';
import { SqliteCopyConflictError, InstanceConflictError } from '../../dist/errors/refusals.js';
import { openerOf } from '../../dist/proc/foreign-descriptors.js';
import { judgeHolders } from '../../dist/registry/foreign-holders.js';
import { admit, fileKey, registeredFiles, type AdmissionRequest } from '../../dist/registry/registry.js';
import { contradictions } from '../../dist/registry/settings-differences.js';
import { findInstance, shareInstance, withdrawInstance } from '../../dist/registry/shared-instances.js';
import { sqliteCopyOf } from '../../dist/registry/sqlite-copy.js';
import { identityOf, placeOf } from '../support/identity.mts';
import { installSecondCopy } from '../support/second-copy.mts';
import { noLinks } from '../support/links.mts';

const require = createRequire(import.meta.url);
const folder = mkdtempSync(join(tmpdir(), 'safe-sqlite-registry-'));
after(() => rmSync(folder, { recursive: true }));
const linux = process.platform === 'linux' ? false : 'needs the /proc of Linux';
const copy = sqliteCopyOf(undefined);
const otherCopy = { id: 'other', library: '/elsewhere/better_sqlite3.node', addon: null };

function existing(file: string): AdmissionRequest {
  return { file, identity: identityOf(file), place: placeOf(file), copy };
}

function files(): string[] {
  return registeredFiles().map(({ file }) => file);
}

describe('admission', () => {
  test('any number of connections of one copy; another copy is refused by name until the last is gone', () => {
    const file = join(folder, 'a.db');
    writeFileSync(file, '');
    const first = admit(existing(file));
    const second = admit(existing(file));
    assert.deepEqual(files(), [file]);
    const foreign = { ...existing(file), copy: otherCopy };
    assert.throws(
      () => admit(foreign),
      (error: unknown) => {
        assert.ok(error instanceof SqliteCopyConflictError);
        assert.ok(error.message.includes(copy.library), error.message);
        assert.equal(error.details['requestedLibrary'], otherCopy.library);
        return true;
      },
    );
    first.release();
    first.release();
    assert.deepEqual(files(), [file]);
    assert.throws(() => admit(foreign), SqliteCopyConflictError);
    second.release();
    assert.deepEqual(files(), []);
    admit(foreign).release();
  });

  test('a file is one file under every name', { skip: noLinks }, () => {
    const file = join(folder, 'named.db');
    writeFileSync(file, '');
    symlinkSync(file, join(folder, 'symlink.db'));
    linkSync(file, join(folder, 'hardlink.db'));
    const keys = [
      file,
      join(folder, 'symlink.db'),
      join(folder, 'hardlink.db'),
      join(folder, '..', placeOf(folder).name, 'named.db'),
    ];
    assert.equal(new Set(keys.map(path => fileKey(identityOf(path), placeOf(path)))).size, 1);
  });

  test('a new file is known by its folder and name, then by what it is', () => {
    const file = join(folder, 'new.db');
    const request = { file, identity: null, place: placeOf(file), copy };
    const admission = admit(request);
    assert.equal(admission.key, fileKey(null, request.place));
    assert.throws(() => admit({ ...request, copy: otherCopy }), SqliteCopyConflictError);
    writeFileSync(file, '');
    admission.setIdentity(identityOf(file));
    assert.equal(admission.key, fileKey(identityOf(file), request.place));
    assert.throws(() => admit({ ...existing(file), copy: otherCopy }), SqliteCopyConflictError);
    admission.release();
    assert.deepEqual(files(), []);
  });

  test('a file that another copy created meanwhile is not settled on', () => {
    const file = join(folder, 'raced.db');
    const late = admit({ file, identity: null, place: placeOf(file), copy });
    writeFileSync(file, '');
    const early = admit({ ...existing(file), copy: otherCopy });
    assert.throws(() => late.setIdentity(identityOf(file)), SqliteCopyConflictError);
    late.release();
    early.release();
    assert.deepEqual(files(), []);
  });
});

describe('foreign holders', () => {
  const sqlite = { fd: 20, path: '/a.db', opener: 'sqlite' } as const;
  const plain = { fd: 21, path: '/a.db', opener: 'plain' } as const;
  const harmless = { fd: 22, path: '/a.db', opener: 'harmless' } as const;

  test('table', () => {
    const none = (): string[] => [];
    const node = (): string[] => ['node:sqlite'];
    assert.equal(judgeHolders([], node), null);
    assert.equal(judgeHolders([harmless], node), null);
    assert.equal(judgeHolders([sqlite], none), null);
    assert.deepEqual(judgeHolders([sqlite], node), { kind: 'sqlite', fd: 20, path: '/a.db', copies: ['node:sqlite'] });
    assert.deepEqual(judgeHolders([sqlite, plain], none), { kind: 'descriptor', fd: 21, path: '/a.db', copies: [] });
    // Windows has no such flag, and no /proc that would show it.
    if (process.platform !== 'win32') {
      assert.equal(openerOf(constants.O_RDWR | constants.O_NOFOLLOW), 'sqlite');
      assert.equal(openerOf(constants.O_RDONLY), 'plain');
    }
    assert.equal(openerOf(0o10000000 | constants.O_RDONLY), 'harmless');
    assert.equal(openerOf(null), 'harmless');
  });

  test('a raw connection of the same copy is welcome', { skip: linux }, () => {
    const file = join(folder, 'raw.db');
    const raw = new Native(file);
    raw.exec('CREATE TABLE t(a)');
    const admission = admit(existing(file));
    assert.deepEqual(files(), [file]);
    admission.release();
    raw.close();
  });

  test('an open plain descriptor is refused by number, an O_PATH one is not', { skip: linux }, () => {
    const file = join(folder, 'plain.db');
    writeFileSync(file, '');
    const fd = openSync(file, 'r');
    assert.throws(() => admit(existing(file)), new RegExp(`plain file descriptor \\(${fd}, `));
    closeSync(fd);
    const path = openSync(file, 0o10000000);
    admit(existing(file)).release();
    closeSync(path);
  });

  test('a second installed copy with the file open is refused by its library', { skip: linux }, () => {
    const file = join(folder, 'second.db');
    const second = installSecondCopy(folder);
    const Second = require(second) as typeof Native;
    const foreign = new Second(file);
    foreign.exec('CREATE TABLE t(a)');
    // The hazard: both copies hold the write lock of one file at once.
    const raw = new Native(file);
    raw.exec('BEGIN IMMEDIATE');
    foreign.exec('BEGIN IMMEDIATE');
    foreign.exec('ROLLBACK');
    raw.exec('ROLLBACK');
    raw.close();
    assert.throws(
      () => admit(existing(file)),
      (error: unknown) => {
        assert.ok(error instanceof SqliteCopyConflictError);
        assert.ok(error.message.includes(second), error.message);
        return true;
      },
    );
    foreign.close();
    admit(existing(file)).release();
  });
});

describe('shared instances', () => {
  const isObject = (value: unknown): value is object => typeof value === 'object';

  test('are found by their key until they are withdrawn', () => {
    const value = { name: 'connection' };
    shareInstance('1:1', '/a.db', { durability: 'full' }, value);
    assert.equal(findInstance('1:1', '/b.db', { durability: 'full' }, isObject), value);
    assert.equal(findInstance('1:1', '/b.db', {}, isObject), value);
    const never = (each: unknown): each is object => each === null;
    assert.equal(findInstance('1:1', '/a.db', {}, never), null, 'it refuses every call, or closes');
    withdrawInstance({});
    assert.equal(findInstance('1:1', '/a.db', {}, isObject), value);
    withdrawInstance(value);
    assert.equal(findInstance('1:1', '/a.db', {}, isObject), null);
  });

  test('contradicting settings are named', () => {
    const value = {};
    shareInstance('1:2', '/a.db', { durability: 'full', checkpoint: { walBytes: 1 }, verbose: null }, value);
    assert.throws(
      () =>
        findInstance(
          '1:2',
          '/link.db',
          { durability: 'extra', checkpoint: { walBytes: 2 }, verbose: () => {} },
          isObject,
        ),
      (error: unknown) => {
        assert.ok(error instanceof InstanceConflictError);
        assert.deepEqual(error.details['differences'], ['durability', 'checkpoint.walBytes', 'verbose']);
        assert.match(
          error.message,
          /`durability` is 'full' there and 'extra' here; `checkpoint.walBytes` is 1 there and 2 here/,
        );
        return true;
      },
    );
    withdrawInstance(value);
  });

  test('contradictions', () => {
    assert.deepEqual(contradictions({ a: 1, b: { c: [1, 2] } }, { a: 1, b: { c: [1, 2] } }), []);
    assert.deepEqual(contradictions({ a: 'off' }, { a: { b: 1 } }), [{ name: 'a', first: 'off', second: { b: 1 } }]);
    assert.deepEqual(contradictions({ a: 1, b: 2 }, { a: 1 }), [], 'what is not asked for cannot contradict');
    const logger = Object.create({ warn() {} }) as object;
    assert.deepEqual(contradictions({ logger }, { logger }), []);
    assert.equal(contradictions({ logger }, { logger: Object.create({}) as object }).length, 1);
  });
});

test('many copies of this package add one listener for the workers of the process', () => {
  const own = dirname(require.resolve('safe-sqlite'));
  const loaded = (): string[] => Object.keys(require.cache).filter(path => path.startsWith(own));
  require('safe-sqlite');
  const before = process.listenerCount('worker');
  for (let copy = 0; copy < 12; copy++) {
    for (const path of loaded()) delete require.cache[path];
    require('safe-sqlite');
  }
  assert.equal(process.listenerCount('worker'), before);
});
