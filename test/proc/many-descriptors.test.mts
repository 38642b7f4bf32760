/** Descriptors on a file are found among hundreds of others, also while another thread opens and closes files. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { closeSync, fstatSync, mkdtempSync, openSync, readdirSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { SqliteCopyConflictError, Database } from 'safe-sqlite';
import { descriptorsOn } from '../../dist/proc/descriptors.js';
import { identityOf } from '../support/identity.mts';

const folder = realpathSync(mkdtempSync(join(tmpdir(), 'safe-sqlite-many-fds-')));
const file = join(folder, 'wanted');
const other = join(folder, 'other');
writeFileSync(file, '');
writeFileSync(other, '');
const opened = new Set<number>();
after(() => {
  for (const fd of opened) closeSync(fd);
  rmSync(folder, { recursive: true });
});

function open(path: string): number {
  const fd = openSync(path, 'r');
  opened.add(fd);
  return fd;
}

function close(...fds: readonly number[]): void {
  for (const fd of fds) {
    closeSync(fd);
    opened.delete(fd);
  }
}

const { dev, ino } = identityOf(file);

/** Each number of /proc/self/fd, asked one by one. */
function expected(): readonly number[] {
  return readdirSync('/proc/self/fd')
    .map(Number)
    .filter(fd => {
      try {
        const stats = fstatSync(fd, { bigint: true });
        return stats.dev === dev && stats.ino === ino;
      } catch {
        return false;
      }
    })
    .toSorted((a, b) => a - b);
}

/** Three times: what a look remembers must not mislead the ones behind it. */
function checkThrice(...wanted: readonly number[]): void {
  const sorted = wanted.toSorted((a, b) => a - b);
  assert.deepEqual(expected(), sorted);
  for (let look = 0; look < 3; look += 1) {
    const found = descriptorsOn({ dev, ino });
    assert.ok(found.supported);
    assert.deepEqual(
      found.descriptors.map(({ fd }) => fd).toSorted((a, b) => a - b),
      sorted,
    );
  }
}

describe('among hundreds of descriptors', { skip: process.platform !== 'linux' && 'needs /proc' }, () => {
  const fillers: number[] = [];

  test('of a process that has few', () => {
    const fd = open(file);
    checkThrice(fd);
    close(fd);
    checkThrice();
  });

  test('below, between and above them', () => {
    const below = open(file);
    for (let count = 0; count < 400; count += 1) fillers.push(open(other));
    const above = open(file);
    checkThrice(below, above);
    const [first, ...rest] = fillers.splice(100, 1);
    assert.ok(first !== undefined && rest.length === 0);
    close(first);
    checkThrice(below, above);
    const between = open(file);
    assert.equal(between, first, 'the lowest free number');
    checkThrice(below, between, above);
    close(below);
    checkThrice(between, above);
    close(between, above);
    checkThrice();
  });

  test('where many numbers between them are free', () => {
    const last = open(file);
    const closed = fillers.filter((_, index) => index % 3 === 0);
    close(...closed);
    checkThrice(last);
    const next = open(file);
    checkThrice(next, last);
    close(next, last);
  });

  test('a database that one of them is open on is refused each time, and admitted once it is closed', () => {
    const database = join(folder, 'a.db');
    new Database(database, { logger: false }).exec('CREATE TABLE t (a)').close();
    for (let time = 0; time < 3; time += 1) {
      const fd = open(database);
      assert.throws(() => new Database(database, { logger: false, processGuard: 'off' }), SqliteCopyConflictError);
      close(fd);
      new Database(database, { logger: false, processGuard: 'off' }).close();
    }
  });

  // A search that counts ends one short where a number is open when asked and closed when counted: 1 in 100 looks here.
  for (const others of [0, 300])
    test(`beside a thread that opens and closes files all the time, with ${others} others`, async () => {
      const kept = Array.from({ length: others }, () => open(other));
      const stop = new Int32Array(new SharedArrayBuffer(4));
      const program = `const { closeSync, openSync } = require('node:fs');
        const { parentPort, workerData } = require('node:worker_threads');
        parentPort.postMessage('begun');
        while (Atomics.load(workerData.stop, 0) === 0) closeSync(openSync(workerData.file, 'r'));`;
      const busy = new Worker(program, { eval: true, workerData: { stop, file: other } });
      await once(busy, 'message');
      let missed = 0;
      for (let look = 0; look < 3000; look += 1) {
        const fd = open(file);
        const found = descriptorsOn({ dev, ino });
        assert.ok(found.supported);
        if (!found.descriptors.some(descriptor => descriptor.fd === fd)) missed += 1;
        close(fd);
      }
      Atomics.store(stop, 0, 1);
      await once(busy, 'exit');
      assert.equal(missed, 0);
      close(...kept);
    });
});
