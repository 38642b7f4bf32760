/** Another program switches a database to WAL mode while this process has it open with a rollback journal. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import Native from 'better-sqlite3';
import Database, { type CheckpointEvent, type WarningEvent } from 'safe-sqlite';
import { createFaultBench, faultsSkip } from '../support/fault-shim.mts';

const folder = mkdtempSync(join(tmpdir(), 'switched-'));
after(() => rmSync(folder, { recursive: true, force: true }));
const addon = createRequire(import.meta.url).resolve('better-sqlite3');

function switchElsewhere(file: string): void {
  const program = `const D = require(${JSON.stringify(addon)}); const d = new D(process.argv[1]);
    process.stdout.write(String(d.pragma('journal_mode = WAL', { simple: true })));`;
  assert.equal(execFileSync(process.execPath, ['-e', program, file], { encoding: 'utf8' }), 'wal');
}

const commits = 200;

function fill(db: { prepare(sql: string): { run(): unknown } }): void {
  const insert = db.prepare('INSERT INTO t VALUES (randomblob(3000))');
  for (let row = 0; row < commits; row += 1) insert.run();
}

/** On Windows a connection in TRUNCATE keeps the journal open, and no other can leave it: windows/rollback.test.mts. */
const noSwitch =
  process.platform === 'win32' && 'no other program can switch the mode while this one keeps the journal';

describe('a switch to WAL mode by another program', () => {
  test('the hazard: without the automatic checkpoint the WAL only grows', () => {
    const file = join(folder, 'raw.db');
    const raw = new Native(file);
    raw.pragma('wal_autocheckpoint = 0');
    raw.exec('CREATE TABLE t (a)');
    switchElsewhere(file);
    fill(raw);
    const before = statSync(`${file}-wal`).size;
    fill(raw);
    assert.ok(statSync(`${file}-wal`).size >= 2 * before - 100_000);
    raw.close();
  });

  test('is reported, and its WAL is checkpointed from then on', { skip: noSwitch }, async () => {
    const file = join(folder, 'ours.db');
    const checkpoint = { walBytes: 64 * 1024, intervalMs: 60_000 };
    using db = new Database(file, { logger: false, journalMode: 'rollback', checkpoint });
    db.exec('CREATE TABLE t (a)');
    assert.equal(db.health().checkpoints, null);
    const warned = new Promise<WarningEvent>(resolve => {
      db.events.on('warning', event => {
        if (event.code === 'journal-mode-switched') resolve(event);
      });
    });
    const done = new Promise<CheckpointEvent>(resolve => db.events.once('checkpoint', resolve));
    switchElsewhere(file);
    fill(db);
    assert.equal((await warned).file, file);
    assert.equal((await done).complete, true);
    assert.equal(db.health().checkpoints?.pendingBytes, 0);
    assert.equal(db.pragma('synchronous', { simple: true }), 3);
  });

  test('a COMMIT that fails is judged by the journal that it was written to', { skip: faultsSkip() }, async () => {
    using bench = createFaultBench();
    const child = bench.start(join(import.meta.dirname, 'checkpoint.scenario.mts'));
    await child.ask('open', { options: { journalMode: 'rollback' } });
    await child.ask('exec', { sql: 'CREATE TABLE t(id INTEGER PRIMARY KEY, body)' });
    switchElsewhere(join(bench.folder, 'app.db'));
    await child.ask('insert', { id: 1, bytes: 100 });
    bench.faults.arm({ calls: 'fsync', path: '*/app.db-wal', count: 'all', action: { fail: 'EIO' } });
    const failed = await child.ask('insert', { id: 2, bytes: 100 }).then(
      () => null,
      (error: unknown) => error,
    );
    // Its frames may stand in the WAL: with a rollback journal it would have been rolled back for certain.
    assert.equal(Reflect.get(Object(failed), 'code'), 'SQLITE_IOERR_FSYNC', String(failed));
    assert.equal(Reflect.get(Object(failed), 'commitOutcome'), 'unknown');
  });
});
