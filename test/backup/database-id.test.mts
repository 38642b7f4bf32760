// The id of a database: one for all its processes, another one for a copy, and never half of one.
import assert from 'node:assert/strict';
import {
  copyFileSync,
  cpSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import {
  databaseIdPath,
  establishDatabaseId,
  isSameMark,
  noteBackup,
  notedBackup,
  readDatabaseId,
} from '../../dist/backup/database-id.js';
import { judgeId, noticeOf, type Likeness, type NamedPlace } from '../../dist/backup/identity-rules.js';
import { restoreDatabase } from 'safe-sqlite';
import { bornWhenChanged } from '../support/birth-times.mts';
import { createFaultBench, faultsSkip } from '../support/fault-shim.mts';
import { closedBank, copyFolder, folder, Native, names } from './fixture.mts';

const program = join(import.meta.dirname, 'database-id.scenario.mts');
const likenesses: readonly Likeness[] = ['same', 'copy', 'unsure'];
const places: readonly NamedPlace[] = ['itself', 'another', 'copy', 'none', 'unknown'];

describe('what is decided', () => {
  for (const [what, likeness, isAtNamedPath, named, history, reason] of [
    ['a restart', 'same', true, 'itself', 'same', 'unmoved'],
    ['a start after a reboot, or in another container', 'same', true, 'unknown', 'same', 'unmoved'],
    ['a second path to the same files', 'same', false, 'itself', 'same', 'unmoved'],
    ['a move that a reboot followed', 'same', false, 'unknown', 'same', 'unmoved'],
    ['a move', 'same', false, 'none', 'same', 'moved'],
    ['a move, and a copy at the former path that nobody opened', 'same', false, 'copy', 'same', 'moved'],
    ['a move, and another one with the id at the former path', 'same', false, 'another', 'new', 'id-taken'],
    ['a copy beside its original', 'copy', false, 'another', 'new', 'original-stands'],
    ['a copy of a database that was moved or removed', 'copy', false, 'none', 'new', 'original-unknown'],
    ['a copy of a copy', 'copy', false, 'copy', 'new', 'original-unknown'],
    ['a copy that took the path of its original', 'copy', true, 'itself', 'new', 'original-unknown'],
    ['a copy on another machine', 'copy', true, 'unknown', 'new', 'original-unknown'],
    ['another inode without birth times, in place', 'unsure', true, 'itself', 'same', 'other-inode'],
    ['the same after a reboot', 'unsure', true, 'unknown', 'new', 'original-unknown'],
    ['a copy without birth times', 'unsure', false, 'another', 'new', 'original-stands'],
    ['a copy without birth times, the original gone', 'unsure', false, 'none', 'new', 'original-unknown'],
  ] as const) {
    test(what, () => assert.deepEqual(judgeId({ likeness, isAtNamedPath, named }), { history, reason }));
  }

  test('of any facts: a copy never keeps the id, and whatever is decided about a copy is said', () => {
    for (const likeness of likenesses) {
      for (const isAtNamedPath of [true, false]) {
        for (const named of places) {
          const verdict = judgeId({ likeness, isAtNamedPath, named });
          if (likeness === 'copy') assert.equal(verdict.history, 'new');
          const notice = noticeOf(verdict, '/new/app.db', { id: 'a'.repeat(32), file: '/old/app.db' });
          const isSaid = likeness !== 'same' || verdict.history === 'new';
          assert.equal(notice !== null, isSaid, `${likeness} ${isAtNamedPath} ${named}`);
          if (notice !== null) assert.match(notice, /\(a{32}\)/);
        }
      }
    }
  });

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
    copyFolder(one, two);
    const second = await establishDatabaseId(join(two, 'app.db'), []);
    assert.notEqual(second.id, first.id);
    assert.match(second.notice ?? '', /is a copy of/);
    assert.deepEqual(await establishDatabaseId(join(two, 'app.db'), []), { id: second.id, notice: null }, 'said once');
    renameSync(one, moved);
    assert.deepEqual(await establishDatabaseId(join(moved, 'app.db'), []), first);
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

interface Bench {
  readonly at: (name: string) => string;
  readonly file: (name: string) => string;
  readonly open: (name: string) => ReturnType<typeof establishDatabaseId>;
  readonly move: (from: string, to: string) => void;
  readonly copy: (from: string, to: string) => void;
  /** The id of the database `a`, which has one. */
  readonly first: string;
}

async function withId(t: Parameters<typeof folder>[0]): Promise<Bench> {
  const home = folder(t);
  const at = (name: string): string => join(home, name);
  const file = (name: string): string => join(home, name, 'app.db');
  mkdirSync(at('a'));
  closedBank(t, file('a'), 'delete', 1);
  const open = (name: string) => establishDatabaseId(file(name), []);
  const { id: first } = await open('a');
  return {
    at,
    file,
    open,
    first,
    move: (from, to) => renameSync(at(from), at(to)),
    copy: (from, to) => copyFolder(at(from), at(to)),
  };
}

const probe = mkdtempSync(join(tmpdir(), 'safe-sqlite-'));
const skip = bornWhenChanged(probe) && 'no birth times here: Wine gives the time of the last change for it';
rmSync(probe, { recursive: true });

describe('a database that is copied after its move, or moved after its copy', { skip }, () => {
  type Step = readonly ['open' | 'move' | 'copy' | 'remove', ...string[]];
  for (const [what, steps, owner, notice] of [
    ['move, open, copy', ['move a b', 'open b', 'copy b c', 'open c', 'open b'], 'b', /is a copy of .*b.app\.db/],
    ['two moves, each opened', ['move a x', 'open x', 'move x b', 'open b', 'copy b c', 'open c'], 'b', /is a copy of/],
    ['move, copy, the copy first', ['move a b', 'copy b c', 'open c', 'open b'], 'b', /cannot be told/],
    ['move, copy, the original first', ['move a b', 'copy b c', 'open b', 'open c'], 'b', /cannot be told/],
    ['copy, original moved, copy first', ['copy a c', 'move a b', 'open c', 'open b'], 'b', /cannot be told/],
    ['copy, original moved, original first', ['copy a c', 'move a b', 'open b', 'open c'], 'b', /cannot be told/],
    ['a copy at the former path, first', ['move a b', 'copy b a', 'open a', 'open b'], 'b', /cannot be told/],
    ['a copy at the former path, last', ['move a b', 'copy b a', 'open b', 'open a'], 'b', /cannot be told/],
    ['copy, exchanged', ['copy a c', 'move a b', 'move c a', 'open a', 'open b'], 'b', /cannot be told/],
    ['a move to another filesystem', ['copy a b', 'remove a', 'open b'], null, /cannot be told/],
    ['a folder that is copied away and back', ['copy a b', 'remove a', 'copy b a', 'open a'], null, /cannot be told/],
  ] as const) {
    test(`${what}: no two have one id, the original keeps it, and the copy says so once`, async t => {
      const bench = await withId(t);
      const ids = new Map<string, string>();
      const notices: string[] = [];
      for (const step of steps) {
        const [verb, from, to] = step.split(' ') as [Step[0], string, string];
        if (verb === 'open') {
          const found = await bench.open(from);
          ids.set(from, found.id);
          if (found.notice !== null) notices.push(found.notice);
          assert.deepEqual(await bench.open(from), { id: found.id, notice: null });
        } else if (verb === 'remove') rmSync(bench.at(from), { recursive: true });
        else bench[verb](from, to);
        const moved = ids.get(from);
        if (verb !== 'move' || moved === undefined) continue;
        ids.delete(from);
        ids.set(to, moved);
      }
      assert.equal(new Set(ids.values()).size, ids.size);
      for (const [name, id] of ids) assert.equal(id === bench.first, name === owner, name);
      assert.equal(notices.length, 1);
      assert.match(notices[0] ?? '', notice);
    });
  }

  test('ordinary life is silent: moves there and back, of the file alone, VACUUM, a restore, a backup put back', async t => {
    const { at, file, open, move, first } = await withId(t);
    const calm = async (name: string) => assert.deepEqual(await open(name), { id: first, notice: null });
    const db = new Native(file('a'));
    db.exec(`VACUUM INTO '${at('backup.db')}'; VACUUM`);
    db.close();
    await calm('a');
    await restoreDatabase({ from: at('backup.db'), to: file('a') });
    await calm('a');
    rmSync(file('a'));
    copyFileSync(at('backup.db'), file('a'));
    await calm('a');
    for (const [from, to] of [
      ['a', 'b'],
      ['b', 'a'],
      ['a', 'c'],
    ] as const) {
      move(from, to);
      await calm(to);
    }
    const renamed = at('renamed.db');
    renameSync(file('c'), renamed);
    renameSync(databaseIdPath(file('c')), databaseIdPath(renamed));
    assert.deepEqual(await establishDatabaseId(renamed, []), { id: first, notice: null });
    assert.equal((JSON.parse(readFileSync(databaseIdPath(renamed), 'utf8')) as { file: string }).file, renamed);
  });

  test('the path follows a move only where it may: not for a read-only connection, and through no link', async t => {
    const { file, move, first } = await withId(t);
    move('a', 'b');
    const path = databaseIdPath(file('b'));
    const before = readFileSync(path, 'utf8');
    assert.deepEqual(await establishDatabaseId(file('b'), [], { mayFollow: false }), { id: first, notice: null });
    assert.equal(readFileSync(path, 'utf8'), before);
    renameSync(path, `${path}.kept`);
    symlinkSync(`${path}.kept`, path);
    assert.match((await establishDatabaseId(file('b'), [])).notice ?? '', /is not used: it is a symbolic link/);
    assert.equal(readFileSync(`${path}.kept`, 'utf8'), before);
    assert.ok(lstatSync(path).isSymbolicLink());
  });

  /** Writes into the file itself, so that it stays the file of its mark. */
  const rewrite = (file: string, change: object): void => {
    const path = databaseIdPath(file);
    const { newest: _none, ...text } = JSON.parse(readFileSync(path, 'utf8')) as Record<string, unknown>;
    writeFileSync(path, JSON.stringify({ ...text, format: 1, ...change }));
  };

  test('a file of an older version is taken over, and follows a move as well', async t => {
    const { file, open, move, copy, first } = await withId(t);
    rewrite(file('a'), {});
    assert.deepEqual(await open('a'), { id: first, notice: null });
    move('a', 'b');
    assert.deepEqual(await open('b'), { id: first, notice: null });
    copy('b', 'c');
    assert.match((await open('c')).notice ?? '', /is a copy of/);
  });

  test('of two that have one id already, the one that was moved from the path of the other begins anew', async t => {
    const { file, open, copy, first } = await withId(t);
    copy('a', 'c');
    await open('c');
    rewrite(file('c'), { id: first });
    rewrite(file('a'), { file: file('c') });
    const { id, notice } = await open('a');
    assert.notEqual(id, first);
    assert.match(notice ?? '', /was moved from .*c.app\.db, or copied, and the database there has the same name/);
    assert.deepEqual(await open('c'), { id: first, notice: null });
    assert.deepEqual(await open('a'), { id, notice: null });
  });

  test('another inode on a filesystem without birth times is said once, and the backups go on', async t => {
    const { file, open, first } = await withId(t);
    rewrite(file('a'), { mark: `${statSync(databaseIdPath(file('a'))).ino + 1}.0` });
    const { id, notice } = await open('a');
    assert.equal(id, first);
    assert.match(notice ?? '', /another inode than before/);
    assert.deepEqual(await open('a'), { id: first, notice: null });
  });
});

describe('the newest backup that is noted beside the database', { skip }, () => {
  const noted = 'app-20261121T120000000Z.db';

  test('is found for its folder, through a move, for four folders, and not by a copy', async t => {
    const { at, file, open, move, copy, first } = await withId(t);
    assert.equal(notedBackup(file('a'), first, at('out')), null);
    for (const folder of ['out', '1', '2', '3']) await noteBackup(file('a'), first, at(`${folder}/${noted}`));
    move('a', 'b');
    await open('b');
    copy('b', 'c');
    const { id } = await open('c');
    assert.equal(notedBackup(file('b'), first, at('out')), noted);
    assert.equal(notedBackup(file('b'), first, at('elsewhere')), null);
    assert.equal(notedBackup(file('c'), id, at('out')), null);
    await noteBackup(file('b'), first, at(`4/${noted}`));
    assert.deepEqual(
      ['out', '1', '2', '3', '4'].map(folder => notedBackup(file('b'), first, at(folder))),
      [null, noted, noted, noted, noted],
    );
    assert.deepEqual(await open('b'), { id: first, notice: null });
  });

  test('is not written where another database has the path, where the file is a copy, or where there is none', async t => {
    const { at, file, open, move, copy, first } = await withId(t);
    copy('a', 'c');
    const { id } = await open('c');
    const path = databaseIdPath(file('c'));
    const whole = readFileSync(path, 'utf8');
    await noteBackup(file('c'), first, at(`out/${noted}`));
    assert.equal(readFileSync(path, 'utf8'), whole);
    move('c', 'b');
    copy('b', 'c');
    await noteBackup(file('c'), id, at(`out/${noted}`));
    assert.equal(readFileSync(path, 'utf8'), whole);
    rmSync(path);
    await noteBackup(file('c'), id, at(`out/${noted}`));
    assert.deepEqual(names(at('c')), ['app.db']);
  });

  test('the longest paths leave the file readable', async t => {
    const { file, open, first } = await withId(t);
    for (const each of ['1', '2', '3', '4']) {
      await noteBackup(file('a'), first, `/${`\u0001${each}`.repeat(2000)}/${noted}`);
    }
    await noteBackup(file('a'), first, `/${'x'.repeat(5000)}/${noted}`);
    assert.deepEqual(await open('a'), { id: first, notice: null });
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

  test('a move in a folder that cannot be written to changes nothing, and is followed later', async t => {
    using bench = createFaultBench();
    const [one, two] = [join(bench.folder, 'one'), join(bench.folder, 'two')];
    mkdirSync(one);
    closedBank(t, join(one, 'app.db'), 'delete', 1);
    const first = await establishDatabaseId(join(one, 'app.db'), []);
    renameSync(one, two);
    const file = join(two, 'app.db');
    const child = bench.start(program);
    bench.faults.arm({ calls: ['rename'], path: databaseIdPath(file), count: 'all', action: { fail: 'EROFS' } });
    assert.deepEqual(await child.ask('establish', file), first);
    assert.ok((bench.faults.counters()[0]?.hits ?? 0) > 0);
    bench.faults.heal();
    assert.deepEqual(names(two), ['app.db', 'app.db-backup-id']);
    assert.match(readFileSync(databaseIdPath(file), 'utf8'), /one.app\.db/);
    assert.deepEqual(await child.ask('establish', file), first);
    assert.match(readFileSync(databaseIdPath(file), 'utf8'), /two.app\.db/);
  });

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
