/** A user who may write beside a database plants a fence marker, or a link where one is written. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  copyFileSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import Native from 'better-sqlite3';
import { clearFence, diagnose, FencedDatabaseError, openDatabase, readFence } from 'safe-sqlite';
import { hasFenceMarker, writeFenceMarker } from '../../dist/filesystem/fence-marker.js';
import { service, shellAs, sharedFolder, stranger, usersSkip } from './users.mts';

const cli = fileURLToPath(new URL('../../dist/cli/bin.js', import.meta.url));
const { path: root, remove } = sharedFolder(0o1777);
after(remove);
let made = 0;

/** A database of the service in a folder of its own, and what others may write there. */
function database(mode = 0o755): string {
  const folder = join(root, `${made++}`);
  mkdirSync(folder);
  chownSync(folder, service, service);
  chmodSync(folder, mode);
  const file = join(folder, 'app.db');
  new Native(file).exec('CREATE TABLE t (a)').close();
  chownSync(file, service, service);
  return file;
}

const valid = {
  file: '/x',
  time: '2026-01-01T00:00:00.000Z',
  pid: 1,
  host: 'h',
  boot: null,
  code: 'SQLITE_IOERR_FSYNC',
  operation: 'commit',
  message: 'disk I/O error',
};
const fault = { time: valid.time, code: valid.code, operation: valid.operation, message: 'secret path' };

describe('a planted marker', { skip: usersSkip() }, () => {
  test('the hazard: a copy by name writes through a link', () => {
    const file = database();
    const target = join(root, 'of-root');
    writeFileSync(target, 'kept');
    shellAs(service, `ln -s ${target} ${file}-copy`);
    writeFileSync(`${file}-fenced`, 'planted');
    copyFileSync(`${file}-fenced`, `${file}-copy`);
    assert.equal(readFileSync(target, 'utf8'), 'planted');
  });

  for (const [what, plant, problem] of [
    ['a link to a file of root', (marker: string) => `ln -s /etc/passwd ${marker}`, /a symbolic link of user 61002/],
    ['a link to nowhere', (marker: string) => `ln -s /nowhere ${marker}`, /a symbolic link of user 61002/],
    ['a FIFO', (marker: string) => `mkfifo ${marker}`, /a FIFO of user 61002/],
    ['an empty file', (marker: string) => `touch ${marker}`, /belongs to user 61002/],
    [
      'the form of a marker',
      (marker: string) => `echo '${JSON.stringify(valid)}' > ${marker}`,
      /belongs to user 61002/,
    ],
  ] as const) {
    test(`${what} is refused the same by library, doctor and CLI, with its owner and the way out`, async () => {
      const file = database(0o777);
      const marker = `${file}-fenced`;
      shellAs(stranger, plant(marker));
      assert.equal(hasFenceMarker(file), true);
      assert.match(readFence(file)?.problem ?? '', problem);
      assert.throws(
        () => openDatabase(file, { logger: false }),
        (error: FencedDatabaseError) => {
          assert.ok(error instanceof FencedDatabaseError);
          assert.match(error.message, problem);
          assert.ok(error.hint.includes(`rm ${marker}`), error.hint);
          return true;
        },
      );
      const { findings } = await diagnose(file);
      const fenced = findings.find(({ code }) => code === 'fenced');
      assert.match(fenced?.what ?? '', problem);
      const said = spawnSync(process.execPath, [cli, 'doctor', file], { encoding: 'utf8' }).stdout;
      assert.match(said.replaceAll(/\s+/g, ' '), problem);
      // The advice, followed to its end.
      shellAs(0, `rm ${marker}`);
      using db = openDatabase(file, { logger: false });
      db.exec('INSERT INTO t VALUES (1)');
    });
  }

  for (const [what, content] of Object.entries({
    'wrong types': { ...valid, pid: '1', time: 7 },
    'a member too much': { ...valid, extra: 1 },
    'a member too few': { ...valid, host: undefined },
    'a nested member': { ...valid, message: { toString: 1 } },
    'a list': [valid],
    null: null,
    'a prototype': JSON.parse('{"__proto__": {"pid": 1}}') as unknown,
    'no date': { ...valid, time: 'tomorrow' },
  })) {
    test(`${what} is no marker of this library, and fences`, () => {
      const file = database();
      writeFileSync(`${file}-fenced`, JSON.stringify(content));
      const found = readFence(file);
      assert.equal(found?.problem, 'it does not have the form of a marker');
      assert.equal(typeof found.pid, 'number');
      assert.equal(typeof found.message, 'string');
      assert.throws(() => openDatabase(file, { logger: false }), FencedDatabaseError);
    });
  }

  test('clearFence removes a link and leaves what it leads to', async () => {
    const file = database();
    const target = join(root, 'kept');
    writeFileSync(target, 'kept');
    symlinkSync(target, `${file}-fenced`);
    const cleared = await clearFence(file);
    assert.match(cleared.fence?.problem ?? '', /symbolic link/);
    assert.equal(readFileSync(target, 'utf8'), 'kept');
    assert.equal(readFence(file), null);
  });

  test('a marker is never written through a link, and what stands there fences', () => {
    const file = database();
    const target = join(root, 'untouched');
    shellAs(service, `ln -s ${target} ${file}-fenced`);
    assert.equal(writeFenceMarker({ file, ...fault }), null);
    assert.equal(lstatSync(target, { throwIfNoEntry: false }), undefined);
    assert.equal(hasFenceMarker(file), true);
  });

  for (const mask of [0o000, 0o077]) {
    for (const mode of [0o600, 0o640, 0o644, 0o664]) {
      test(`written by root (umask ${mask.toString(8)}) it has the owner of the database and its access ${mode.toString(8)}`, () => {
        const file = database();
        chmodSync(file, mode);
        chownSync(file, service, stranger);
        const before = process.umask(mask);
        assert.equal(writeFenceMarker({ file, ...fault }), null);
        process.umask(before);
        const stats = statSync(`${file}-fenced`);
        assert.deepEqual([stats.uid, stats.gid, stats.mode & 0o777], [service, stranger, mode]);
        const read = (uid: number): boolean =>
          spawnSync('setpriv', [`--reuid=${uid}`, '--clear-groups', '--regid=61003', 'cat', `${file}-fenced`])
            .status === 0;
        assert.equal(read(stranger), (mode & 0o004) !== 0);
        assert.equal(readFence(file)?.problem, null);
      });
    }
  }

  test('of a user who is not in the group of the database it has nothing for that group', () => {
    const file = database(0o777);
    chmodSync(file, 0o666);
    shellAs(stranger, `chmod 666 ${file} 2>/dev/null; true`);
    const script = `require(${JSON.stringify(fileURLToPath(new URL('../../dist/filesystem/fence-marker.js', import.meta.url)))}).writeFenceMarker(${JSON.stringify({ file, ...fault })})`;
    shellAs(stranger, `${process.execPath} -e '${script}'`);
    const { uid, mode } = statSync(`${file}-fenced`);
    assert.deepEqual([uid, mode & 0o070], [stranger, 0]);
    // Another user of this database met the fault: it counts, and the refusal says whose it is.
    assert.match(readFence(file)?.problem ?? '', /belongs to user 61002/);
  });
});
