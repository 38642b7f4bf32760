// A real filesystem whose disk loses writes: the kernel says so once, to one fsync, and then serves what it lost from
// its cache.
//
//   process:  commit 11   [WAL breaks]  commit 12            ...   checkpoint, close, kill
//   kernel:                             writeback fails, page clean, cache forgotten
//   disk:     WAL of 11                 WAL still of before: frames of an older generation
import assert from 'node:assert/strict';
import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { makeLab } from '../mounts/lab.mts';
import { makeBadDisk, whyNoBadDisk, type BadDisk, type DiskType } from './block-device/bad-disk.mts';
import { checkLedger } from './ledger.mts';
import { startScenario, type Scenario } from '../support/fault-shim.mts';
import type { OpenSettings, SubjectName } from './subject.mts';

const program = join(import.meta.dirname, 'bad-disk.scenario.mts');
const lab = makeLab();

const settled = Array.from({ length: 11 }, (_, index) => index + 1);
const doomed = 12;

interface Stand extends Disposable {
  readonly disk: BadDisk;
  readonly file: string;
  readonly child: Scenario;
}

/**
 * Transactions 1 to 11 are safe, the WAL has begun again at its start, over blocks that hold older frames, and its
 * header is synced: the next frames go to blocks that can be made to fail.
 */
async function stand(type: DiskType, subject: SubjectName, synchronous: 'NORMAL' | 'FULL' = 'FULL'): Promise<Stand> {
  const disk = makeBadDisk(lab, type);
  const file = join(disk.mount, 't.db');
  const child = startScenario(program);
  const settings: OpenSettings = { journal: 'wal', synchronous, autocheckpoint: 0 };
  await child.ask('open', { subject, file, settings });
  for (const txn of settled.slice(0, -1)) await child.ask('commit', txn);
  await child.ask('checkpoint', 'passive');
  await child.ask('commit', settled.at(-1));
  disk.writeBack();
  return { disk, file, child, [Symbol.dispose]: () => child.kill() };
}

/** The write of the WAL is lost in the background; the disk works again before the next call. */
function loseWalInBackground({ disk, file }: Stand): void {
  disk.breakBlocksOf(`${file}-wal`);
  disk.writeBack();
  disk.heal();
  disk.forgetCache(`${file}-wal`);
}

async function end(at: Stand): Promise<void> {
  at.child.kill();
  await at.child.ended;
  at.disk.heal();
  at.disk.remount();
}

/** The file as the next program finds it, opened with plain SQLite. */
function faultsAfter(at: Stand, acknowledged: readonly number[], unknown: readonly number[] = []): readonly string[] {
  return checkLedger(at.file, { acknowledged, unknown });
}

for (const type of ['ext4', 'xfs'] as const) {
  describe(`a disk that loses writes under ${type}`, { skip: whyNoBadDisk(type) }, () => {
    describe('better-sqlite3 with synchronous=NORMAL, as it comes', () => {
      test('a checkpoint that is tried again succeeds, and corrupts the database', async t => {
        using at = await stand(type, 'raw', 'NORMAL');
        await at.child.ask('commit', doomed);
        loseWalInBackground(at);
        await assert.rejects(at.child.ask('checkpoint', 'passive'), { code: 'SQLITE_IOERR_FSYNC' });
        assert.deepEqual(await at.child.ask('checkpoint', 'passive'), { busy: false, complete: true });
        await at.child.ask('close');
        await end(at);
        assertCorrupt(t, faultsAfter(at, settled, [doomed]));
      });

      test('the automatic checkpoint corrupts it without any error', async t => {
        using at = await stand(type, 'raw', 'NORMAL');
        await at.child.ask('commit', doomed);
        loseWalInBackground(at);
        await at.child.ask('pragma', 'wal_autocheckpoint=1');
        await at.child.ask('commit', doomed + 1);
        await at.child.ask('commit', doomed + 2);
        await at.child.ask('close');
        await end(at);
        assertCorrupt(t, faultsAfter(at, settled, [doomed, doomed + 1, doomed + 2]));
      });

      test('close() after a failed checkpoint destroys what a kill leaves whole', async t => {
        using closed = await stand(type, 'raw', 'NORMAL');
        await closed.child.ask('commit', doomed);
        loseWalInBackground(closed);
        await assert.rejects(closed.child.ask('checkpoint', 'passive'), { code: 'SQLITE_IOERR_FSYNC' });
        await closed.child.ask('close');
        assert.ok(!existsSync(`${closed.file}-wal`), 'the only good frames are deleted');
        await end(closed);
        assertCorrupt(t, faultsAfter(closed, settled, [doomed]));

        using killed = await stand(type, 'raw', 'NORMAL');
        await killed.child.ask('commit', doomed);
        loseWalInBackground(killed);
        await assert.rejects(killed.child.ask('checkpoint', 'passive'), { code: 'SQLITE_IOERR_FSYNC' });
        await end(killed);
        assert.deepEqual(faultsAfter(killed, settled, [doomed]), []);
      });
    });

    test('better-sqlite3 destroys it also when the process only runs out of work', async t => {
      using at = await stand(type, 'raw', 'NORMAL');
      await at.child.ask('commit', doomed);
      loseWalInBackground(at);
      await assert.rejects(at.child.ask('checkpoint', 'passive'), { code: 'SQLITE_IOERR_FSYNC' });
      at.child.process.stdin?.end();
      assert.deepEqual(await at.child.ended, { code: 0, signal: null });
      await end(at);
      assertCorrupt(t, faultsAfter(at, settled, [doomed]));
    });

    test('better-sqlite3 with synchronous=FULL shows a failed transaction that the next restart takes away', async () => {
      using at = await stand(type, 'raw', 'FULL');
      at.disk.breakBlocksOf(`${at.file}-wal`);
      await assert.rejects(at.child.ask('commit', doomed), { code: 'SQLITE_IOERR_FSYNC' });
      at.child.kill();
      await at.child.ended;
      const warm = startScenario(program);
      await warm.ask('open', { subject: 'raw', file: at.file, settings: { journal: 'wal', autocheckpoint: 0 } });
      assert.deepEqual(await warm.ask('transactions'), [...settled, doomed], 'read from the cache of the kernel');
      warm.kill();
      await warm.ended;
      await end(at);
      assert.deepEqual(faultsAfter(at, settled), [], 'and gone with the cache');
    });

    describe('this library', () => {
      for (const way of ['close', 'run out of work', 'kill'] as const)
        test(`stops at the commit that failed, and keeps everything: ${way}`, async () => {
          using at = await stand(type, 'ours');
          at.disk.breakBlocksOf(`${at.file}-wal`);
          await assert.rejects(at.child.ask('commit', doomed), {
            code: 'SQLITE_IOERR_FSYNC',
            commitOutcome: 'unknown',
          });
          // The disk is well again and the cache holds the old frames: what destroys a database that goes on.
          at.disk.heal();
          at.disk.forgetCache(`${at.file}-wal`);
          await assertFenced(at);
          await leave(at, way);
          await end(at);
          assert.deepEqual(faultsAfter(at, settled, [doomed]), []);
        });

      for (const way of ['close', 'run out of work', 'kill'] as const)
        test(`stops at the checkpoint that failed, and keeps the WAL: ${way}`, async () => {
          using at = await stand(type, 'ours');
          await at.child.ask('commit', doomed);
          at.disk.breakBlocksOf(at.file);
          await assert.rejects(at.child.ask('checkpoint', 'passive'), { code: 'SQLITE_IOERR_FSYNC' });
          at.disk.heal();
          at.disk.forgetCache(at.file);
          await assertFenced(at);
          await leave(at, way);
          await end(at);
          assert.deepEqual(faultsAfter(at, [...settled, doomed]), []);
        });
    });
  });
}

/** Neither this process nor another one that uses the library gets at the file, and its WAL stays. */
async function assertFenced(at: Stand): Promise<void> {
  const fenced = { code: 'SAFE_SQLITE_FENCED' };
  await assert.rejects(at.child.ask('commit', doomed + 1), fenced);
  await assert.rejects(at.child.ask('checkpoint', 'passive'), fenced);
  await assert.rejects(at.child.ask('transactions'), fenced);
  const other = startScenario(program);
  try {
    const question = { subject: 'ours', file: at.file, settings: { journal: 'wal' } };
    await assert.rejects(other.ask('open', question), fenced);
  } finally {
    other.kill();
    await other.ended;
  }
}

async function leave(at: Stand, way: 'close' | 'run out of work' | 'kill'): Promise<void> {
  const before = statSync(`${at.file}-wal`).size;
  if (way === 'close') await at.child.ask('close');
  if (way === 'kill') at.child.kill();
  else {
    at.child.process.stdin?.end();
    assert.deepEqual(await at.child.ended, { code: 0, signal: null });
  }
  await at.child.ended;
  assert.equal(statSync(`${at.file}-wal`).size, before);
}

function assertCorrupt(t: { diagnostic(text: string): void }, faults: readonly string[]): void {
  t.diagnostic(faults[0] ?? 'nothing wrong');
  assert.notDeepEqual(faults, [], 'the bench must be able to see the corruption');
}
