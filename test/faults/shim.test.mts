import assert from 'node:assert/strict';
import { existsSync, readFileSync, unlinkSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { describe, test } from 'node:test';
import { createFaultBench, faultsSkip, ScenarioEndedError, type Call, type FaultRule } from '../support/fault-shim.mts';
import { runWithSlowFsync } from './slow-fsync.mts';

const program = join(import.meta.dirname, 'shim.scenario.mts');
const skip = faultsSkip();

describe('the preload shim', { skip }, () => {
  const calls = ['open', 'read', 'write', 'truncate', 'fsync', 'fdatasync', 'unlink', 'rename'] as const;
  test('fails each kind of file call once, with the errno of the rule, and on the matching path alone', async () => {
    using bench = createFaultBench();
    const child = bench.start(program);
    for (const call of calls) {
      const path = join(bench.folder, `${call}.txt`);
      const other = join(bench.folder, `${call}.other`);
      writeFileSync(path, 'content');
      writeFileSync(other, 'content');
      bench.faults.arm({ calls: call, path: `*/${call}.txt*`, action: { fail: 'EIO' } });
      await child.ask('files', { call, path: other });
      await assert.rejects(child.ask('files', { call, path }), { code: 'EIO' }, call);
      assert.deepEqual(bench.faults.counters(), [{ seen: 1, hits: 1 }], call);
      await child.ask('files', { call, path });
    }
  });

  test('tells the sync of a folder from the sync of a file', async () => {
    using bench = createFaultBench();
    const child = bench.start(program);
    bench.faults.arm({ calls: ['fsync', 'fdatasync'], path: '*', count: 'all', action: { fail: 'EIO' } });
    await child.ask('files', { call: 'dirsync', path: bench.folder });
    bench.faults.arm({ calls: 'dirsync', path: '*', action: { fail: 'EIO' } });
    await assert.rejects(child.ask('files', { call: 'dirsync', path: bench.folder }), { code: 'EIO' });
  });

  test('a short write stores the first half, so that the writer has to go on; a lying one stores nothing', async () => {
    using bench = createFaultBench({ log: true });
    const child = bench.start(program);
    const path = join(bench.folder, 'file');
    for (const [action, content] of [
      ['short', 'abcdefgh'],
      ['lie', ''],
    ] as const) {
      writeFileSync(path, '');
      bench.faults.arm({ calls: 'write', path: '*/file', action });
      assert.equal(await child.ask('files', { call: 'write', path }), 8);
      assert.equal(readFileSync(path, 'utf8'), content);
    }
    assert.deepEqual(
      bench.log().map(({ outcome, offset, length }) => [outcome, offset, length]),
      [
        ['short', 0, 8],
        ['pass', 4, 4],
        ['lie', 0, 8],
      ],
    );
  });

  test('kills before, after and in the middle of a call; the counters outlive the process', async () => {
    for (const [action, content] of [
      ['kill', ''],
      ['kill-after', 'abcdefgh'],
      ['tear', 'abcd'],
    ] as const) {
      using bench = createFaultBench();
      const path = join(bench.folder, 'file');
      writeFileSync(path, '');
      const child = bench.start(program);
      bench.faults.arm({ calls: 'write', path: '*/file', action });
      await assert.rejects(child.ask('files', { call: 'write', path }), ScenarioEndedError);
      assert.deepEqual(await child.ended, { code: null, signal: 'SIGKILL' });
      assert.equal(readFileSync(path, 'utf8'), content, action);
      assert.deepEqual(bench.faults.counters(), [{ seen: 1, hits: 1 }]);
    }
  });

  test('holds a call until the test heals, and delays one by the given time', async () => {
    using bench = createFaultBench();
    const child = bench.start(program);
    const path = join(bench.folder, 'file');
    writeFileSync(path, '');
    bench.faults.arm({ calls: 'write', path: '*/file', action: 'hold' });
    let answered = false;
    const held = child.ask('files', { call: 'write', path }).then(() => (answered = true));
    await bench.hit();
    assert.equal(answered, false);
    assert.equal(readFileSync(path, 'utf8'), '');
    bench.faults.heal();
    await held;
    assert.equal(readFileSync(path, 'utf8'), 'abcdefgh');

    bench.faults.arm({ calls: 'fsync', path: '*/file', action: { slowMs: 40 } });
    assert.ok((await child.ask<number>('files', { call: 'fsync', path })) >= 40);
  });

  test('reaches relative names and files that were deleted while open', async () => {
    using bench = createFaultBench({ log: true });
    const child = bench.start(program);
    const path = join(bench.folder, 'live.db');
    await child.ask('open', path);
    bench.faults.arm({ calls: 'write', path: '*/live.db-wal', count: 'all', action: { fail: 'EIO' } });
    unlinkSync(`${path}-wal`);
    await assert.rejects(child.ask('insert', 1), { code: 'SQLITE_IOERR_WRITE' });
    bench.faults.arm({ calls: 'open', path: '*/no-such-name', action: 'count' });
    await assert.rejects(child.ask('files', { call: 'open', path: 'no-such-name' }), { code: 'ENOENT' });
    assert.deepEqual(bench.faults.counters(), [{ seen: 1, hits: 0 }]);
    assert.equal(bench.log().at(-1)?.path, join(process.cwd(), 'no-such-name'));
  });

  test('refuses to run without its control file rather than run without faults', async () => {
    using bench = createFaultBench();
    const child = bench.start(program, { env: { FAULT_CONTROL: program } });
    assert.deepEqual(await child.ended, { code: 125, signal: null });
  });
});

describe('SQLite under the shim', { skip }, () => {
  const table: readonly (readonly [Call, string, FaultRule['action'], string, string])[] = [
    ['fdatasync', 'wal', { fail: 'EIO' }, 'insert', 'SQLITE_IOERR_FSYNC'],
    ['write', 'wal', { fail: 'ENOSPC' }, 'insert', 'SQLITE_FULL'],
    ['write', 'wal', { fail: 'EDQUOT' }, 'insert', 'SQLITE_IOERR_WRITE'],
    ['write', 'db', { fail: 'EIO' }, 'checkpoint', 'SQLITE_IOERR_WRITE'],
    ['read', 'wal', { fail: 'EIO' }, 'checkpoint', 'SQLITE_CORRUPT'],
    ['mmap', 'shm', { fail: 'ENODEV' }, 'open', 'SQLITE_IOERR_SHMMAP'],
    ['lock', 'db', { fail: 'EIO' }, 'open', 'SQLITE_IOERR_LOCK'],
    ['open', 'wal', { fail: 'EMFILE' }, 'open', 'SQLITE_CANTOPEN'],
  ];
  for (const [call, file, action, operation, code] of table)
    test(`${call} of the ${file} in ${operation} gives ${code}`, async () => {
      using bench = createFaultBench();
      const child = bench.start(program);
      const path = join(bench.folder, 't.db');
      const rule: FaultRule = {
        // The prebuilt calls fsync, but that is not a promise of its.
        calls: call === 'fdatasync' ? ['fsync', 'fdatasync'] : call,
        path: file === 'db' ? '*/t.db' : `*/t.db-${file}`,
        action,
      };
      if (operation !== 'open') {
        await child.ask('open', path);
        await child.ask('insert', 1);
      }
      bench.faults.arm(rule);
      await assert.rejects(child.ask(operation, operation === 'open' ? path : 2), { code });
      assert.equal(bench.faults.counters()[0]?.hits, 1);
      bench.faults.heal();
      if (operation === 'open') return;
      await child.ask('insert', 3);
      const rows = await child.ask<number[]>('rows');
      assert.deepEqual(rows, [1, 3]);
      await child.ask('close');
      assert.ok(!existsSync(`${path}-wal`), basename(path));
    });

  test('a close that fails reaches SQLite, which says nothing', async () => {
    using bench = createFaultBench();
    const child = bench.start(program);
    await child.ask('open', join(bench.folder, 't.db'));
    // libuv closes by a bare system call, so only SQLite's close is seen.
    bench.faults.arm({ calls: 'close', path: '*/t.db', action: { fail: 'EIO' } });
    await child.ask('close');
    assert.deepEqual(bench.faults.counters(), [{ seen: 1, hits: 1 }]);
  });

  test('counts the calls of an operation without touching it', async () => {
    using bench = createFaultBench({ log: true });
    const child = bench.start(program);
    await child.ask('open', join(bench.folder, 't.db'));
    bench.faults.arm(
      { calls: 'write', path: '*/t.db-wal', action: 'count' },
      { calls: ['fsync', 'fdatasync'], path: '*/t.db-wal', action: 'count' },
      { calls: 'write', path: '*/t.db', action: 'count' },
    );
    await child.ask('insert', 1);
    const [writes, syncs, database] = bench.faults.counters();
    assert.equal(writes?.seen, bench.log().filter(line => line.call === 'write').length);
    assert.ok(writes.seen >= 2, 'a frame is a header and a page');
    assert.deepEqual([syncs?.seen, database?.seen, writes.hits], [1, 0, 0]);
    assert.equal(bench.log().at(-1)?.call.replace('fdata', 'f'), 'fsync', 'the sync is the last of a commit');
  });

  test('runWithSlowFsync adds its delay to every sync of a program', async () => {
    const run = await runWithSlowFsync(join(import.meta.dirname, 'slow-fsync.scenario.mts'), 20);
    const { commits, elapsedMs } = JSON.parse(run.stdout) as { commits: number; elapsedMs: number };
    assert.ok(run.syncs >= commits);
    assert.ok(elapsedMs >= commits * 20, `${elapsedMs} ms for ${commits} commits`);
  });
});
