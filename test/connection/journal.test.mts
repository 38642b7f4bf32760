/**
 * Several processes that open a WAL database to have it in rollback mode.
 *
 *     first process                  second process
 *     reads: SHARED, kept            reads: SHARED, kept
 *     leave WAL mode: needs EXCLUSIVE, and so does the other; neither lets go of what it has
 */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import Native from 'better-sqlite3';
import { openInJournalMode } from '../../dist/connection/journal.js';
import { createFaultBench, faultsSkip, type FaultBench } from '../support/fault-shim.mts';
import { noLinks } from '../support/links.mts';

const program = fileURLToPath(new URL('journal.scenario.mts', import.meta.url));
const skip = faultsSkip();
const processes = 2;

/** Every process has its shared lock before one of them goes on: SQLite opens the `-wal` right after it. */
async function openTogether(bench: FaultBench, subject: 'raw' | 'ours', timeoutMs: number) {
  const file = join(bench.folder, 'app.db');
  const db = new Native(file);
  db.pragma('journal_mode = WAL');
  db.exec('CREATE TABLE t(a)');
  db.close();
  bench.faults.arm({ calls: 'open', path: '*/app.db-wal', count: processes, action: 'hold' });
  const opened = Array.from({ length: processes }, () => bench.start(program).ask<string>(subject, timeoutMs));
  const ends = Promise.allSettled(opened);
  await bench.hit(processes);
  bench.faults.heal();
  return { file, ends: await ends };
}

test('raw better-sqlite3: they lock each other out, however often they try', { skip }, async () => {
  using bench = createFaultBench();
  const { ends } = await openTogether(bench, 'raw', 1000);
  const codes = ends.map(end => (end.status === 'rejected' ? Reflect.get(end.reason as Error, 'code') : end.value));
  assert.deepEqual(codes, ['SQLITE_BUSY', 'SQLITE_BUSY']);
});

test('every one of them comes in: who waits holds no lock', { skip }, async () => {
  using bench = createFaultBench();
  const { file, ends } = await openTogether(bench, 'ours', 20_000);
  assert.deepEqual(
    ends,
    ends.map(() => ({ status: 'fulfilled', value: 'delete' })),
  );
  const db = new Native(file);
  assert.equal(db.pragma('journal_mode', { simple: true }), 'delete');
  assert.equal(db.prepare('SELECT count(*) FROM t').pluck().get(), processes);
  db.close();
});

test('a mode that SQLite does not enter, without an error, is one, and nothing stays open', () => {
  const opened: Native.Database[] = [];
  const open = (): Native.Database => {
    const native = new Native(':memory:');
    opened.push(native);
    return native;
  };
  assert.equal(open().pragma('journal_mode = WAL', { simple: true }), 'memory');
  const discard = (native: Native.Database): void => void native.close();
  assert.throws(() => openInJournalMode({ open, discard }, { mode: 'wal', timeoutMs: 0 }), {
    code: 'SAFE_SQLITE_UNPROVED_PROTECTION',
    message: /left :memory: in journal mode "memory"/,
  });
  assert.deepEqual(
    opened.map(native => native.open),
    [true, false],
  );
});

test('only a lock is waited for: what is no database is opened once', t => {
  const folder = mkdtempSync(join(tmpdir(), 'safe-sqlite-journal-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'junk.db');
  writeFileSync(file, 'junk'.repeat(1000));
  let opens = 0;
  const open = (): Native.Database => {
    opens += 1;
    return new Native(file);
  };
  const discard = (native: Native.Database): void => void native.close();
  assert.throws(() => openInJournalMode({ open, discard }, { mode: 'wal', timeoutMs: 1000 }), {
    code: 'SQLITE_NOTADB',
  });
  assert.equal(opens, 1);
});

test(
  'where the index of the WAL cannot be mapped, the file keeps the mode that works there; raw leaves it unreadable',
  { skip: noLinks },
  t => {
    const folder = mkdtempSync(join(tmpdir(), 'safe-sqlite-journal-'));
    t.after(() => rmSync(folder, { recursive: true }));
    /** The write version of the header: 1 is a rollback journal, 2 a WAL. https://sqlite.org/fileformat2.html */
    const modes: unknown[] = [];
    for (const subject of ['raw', 'ours'] as const) {
      const file = join(folder, `${subject}.db`);
      const before = new Native(file);
      before.exec('CREATE TABLE t(a)');
      before.close();
      symlinkSync('nowhere', `${file}-shm`);
      const open = (): Native.Database => new Native(file);
      if (subject === 'raw') {
        const native = open();
        assert.equal(native.pragma('journal_mode = WAL', { simple: true }), 'wal');
        assert.throws(() => native.prepare('SELECT * FROM t').all(), { code: 'SQLITE_CANTOPEN' });
        native.close();
      } else {
        const discard = (native: Native.Database): void => void native.close();
        assert.throws(() => openInJournalMode({ open, discard }, { mode: 'wal', timeoutMs: 0 }), {
          code: 'SQLITE_CANTOPEN',
        });
      }
      modes.push(readFileSync(file)[18]);
    }
    assert.deepEqual(modes, [2, 1]);
  },
);
