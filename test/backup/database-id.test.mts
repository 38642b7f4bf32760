// The id of a database: one for all its processes, another one for a copy, and never half of one.
import assert from 'node:assert/strict';
import { cpSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import {
  databaseIdPath,
  establishDatabaseId,
  isSameMark,
  judgeCopy,
  readDatabaseId,
} from '../../dist/backup/database-id.js';
import { bornWhenChanged } from '../support/birth-times.mts';
import { createFaultBench, faultsSkip } from '../support/fault-shim.mts';
import { closedBank, folder, names } from './fixture.mts';

const program = join(import.meta.dirname, 'database-id.scenario.mts');
const text = { id: 'a'.repeat(32), file: '/old/app.db' };

describe('what is decided', () => {
  for (const [original, id, notice] of [
    ['gone', text.id, null],
    ['stands', null, /is a copy of \/old\/app\.db/],
    ['unknown', null, /cannot be told/],
  ] as const) {
    test(`of an id that was copied, where the original ${original === 'unknown' ? 'cannot be seen' : original}`, () => {
      const decided = judgeCopy('/new/app.db', text, original);
      assert.equal(decided.id, id);
      if (notice === null) assert.equal(decided.notice, null);
      else assert.match(decided.notice ?? '', notice);
    });
  }

  test('two marks are of one file by the birth time, and by the inode where a filesystem has none', () => {
    assert.ok(isSameMark('1.500', '2.500'));
    assert.ok(!isSameMark('1.500', '1.501'));
    assert.ok(isSameMark('1.0', '1.500'));
    assert.ok(!isSameMark('1.0', '2.500'));
  });
});

describe('an id', () => {
  test('stays with the database through a move, and a copy of both files has another one', async t => {
    const home = folder(t);
    if (bornWhenChanged(home)) return t.skip('no birth times here: Wine gives the time of the last change for it');
    const [one, two, moved] = ['one', 'two', 'moved'].map(name => join(home, name)) as [string, string, string];
    mkdirSync(one);
    closedBank(t, join(one, 'app.db'), 'delete', 1);
    const first = await establishDatabaseId(join(one, 'app.db'), []);
    assert.equal(first.notice, null);
    assert.deepEqual(await establishDatabaseId(join(one, 'app.db'), []), first);
    cpSync(one, two, { recursive: true });
    const second = await establishDatabaseId(join(two, 'app.db'), []);
    assert.notEqual(second.id, first.id);
    assert.match(second.notice ?? '', /is a copy of/);
    assert.deepEqual(await establishDatabaseId(join(two, 'app.db'), []), { id: second.id, notice: null }, 'said once');
    renameSync(one, moved);
    assert.deepEqual(await establishDatabaseId(join(moved, 'app.db'), []), first);
    // The original is gone: what was copied goes on as it.
    cpSync(moved, one, { recursive: true });
    rmSync(moved, { recursive: true });
    assert.notEqual((await establishDatabaseId(join(one, 'app.db'), [])).id, second.id);
  });

  test('that another program wrote nonsense into is not used, and not replaced', async t => {
    const file = join(folder(t), 'app.db');
    closedBank(t, file, 'delete', 1);
    writeFileSync(databaseIdPath(file), '{"format":1}');
    const { notice, id } = await establishDatabaseId(file, []);
    assert.match(notice ?? '', /is not used/);
    assert.equal((await establishDatabaseId(file, [])).id, id, 'while neither path nor file changes');
    assert.equal(readFileSync(databaseIdPath(file), 'utf8'), '{"format":1}');
  });
});

describe('processes that establish it at the same time', { skip: faultsSkip() }, () => {
  for (const [title, isCopy] of [
    ['a database without an id', false],
    ['a copy of a database with its id', true],
  ] as const) {
    test(`${title}: all have the one that stands in the end`, async t => {
      using bench = createFaultBench();
      const original = join(bench.folder, 'original');
      mkdirSync(original);
      closedBank(t, join(original, 'app.db'), 'delete', 1);
      if (isCopy) await establishDatabaseId(join(original, 'app.db'), []);
      const home = join(bench.folder, 'home');
      cpSync(original, home, { recursive: true });
      const file = join(home, 'app.db');
      // The first one has looked, and stands still where it gives the file its name.
      bench.faults.arm({ calls: ['link', 'rename', 'unlink'], path: databaseIdPath(file), action: 'hold' });
      const slow = bench.start(program).ask<{ id: string }>('establish', file);
      await bench.hit();
      const fast = bench.start(program).ask<{ id: string }>('establish', file);
      // Nothing holds the second one; if it waited for the first, it goes on with it.
      await Promise.race([fast, delay(5000)]);
      bench.faults.heal();
      const ids = [(await slow).id, (await fast).id];
      const stands = readDatabaseId(file);
      assert.ok(stands.state === 'known');
      assert.deepEqual(ids, [stands.id, stands.id]);
      assert.deepEqual(names(home), ['app.db', 'app.db-backup-id']);
    });
  }

  test('writes that are cut short make a whole file; a sync that fails leaves an id that the next start has too', async t => {
    using bench = createFaultBench();
    const file = join(bench.folder, 'app.db');
    closedBank(t, file, 'delete', 1);
    const child = bench.start(program);
    bench.faults.arm({ calls: 'write', path: '*.tmp', count: 2, action: 'short' });
    const { id } = await child.ask<{ id: string }>('establish', file);
    assert.ok((bench.faults.counters()[0]?.hits ?? 0) > 0);
    assert.deepEqual(readDatabaseId(file), { state: 'known', id });
    rmSync(databaseIdPath(file));
    bench.faults.arm({ calls: 'dirsync', path: bench.folder, count: 'all', action: { fail: 'EIO' } });
    const other = await child.ask<{ id: string }>('establish', file);
    assert.ok((bench.faults.counters()[0]?.hits ?? 0) > 0);
    bench.faults.heal();
    assert.deepEqual(readDatabaseId(file), { state: 'known', id: other.id });
  });
});
