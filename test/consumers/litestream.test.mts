import { acceptedGround } from '../support/accepted-ground.mts';
import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, before, describe, test, type TestContext } from 'node:test';
import Native from 'better-sqlite3';
import { installProcessGuard, openDatabase, restoreDatabase, RestoreError, verifyDatabase } from 'safe-sqlite';
import { end, Litestream } from './litestream/tool.mts';
import { Load, missingFrom } from './litestream/load.mts';
import { exampleFolder, npmInstall, registrySkip } from './program.mts';

const noBinary = process.platform === 'win32' && 'Litestream has no program for Windows on npm';

describe('Litestream beside the service of examples/litestream', { skip: registrySkip || noBinary }, () => {
  const installed = exampleFolder({ after }, 'litestream');
  before(() => npmInstall(installed, '@flydotio/litestream@1.0.1'));

  function ground(t: TestContext) {
    const folder = mkdtempSync(join(tmpdir(), 'litestream-'));
    const started: ChildProcess[] = [];
    t.after(() => {
      for (const child of started) child.kill('SIGKILL');
      rmSync(folder, { recursive: true, force: true });
    });
    const database = join(folder, 'ledger.db');
    const litestream = new Litestream(installed, database, join(folder, 'replica'));
    const run = (child: ChildProcess): ChildProcess => {
      started.push(child);
      return child;
    };
    return {
      database,
      litestream,
      replicate: (...more: string[]) => run(litestream.replicate(...more)),
      serve: () => run(litestream.serve()),
      restored: (round: number | string) => join(folder, `restored-${round}.db`),
    };
  }

  async function sound(file: string): Promise<void> {
    const { ok, problems } = await verifyDatabase(file, { level: 'full' });
    assert.deepEqual([ok, problems], [true, []]);
  }

  test('the service is killed under load: Litestream, ended in order, has every acknowledged commit', async t => {
    const { database, litestream, replicate, serve, restored } = ground(t);
    assert.equal(litestream.version, 'v0.3.13');
    const service = serve();
    const replication = replicate();
    const load = new Load(await urlOf(service));
    const from = performance.now();
    await load.reach(1000);
    t.diagnostic(`${Math.round((1000 / (performance.now() - from)) * 1000)} commits acknowledged a second`);
    await litestream.begun();
    await end(service, 'SIGKILL');
    await load.stop();
    await end(replication, 'SIGTERM');

    const copy = restored('end');
    assert.ok(litestream.restore(copy));
    await sound(copy);
    assert.deepEqual(missingFrom(copy, load.acknowledged), []);
    // It is a database like any other: the same library opens it and goes on.
    const db = openDatabase(copy, { logger: false });
    assert.equal(db.plan.journalMode, 'wal');
    assert.equal(await db.write(() => db.prepare("INSERT INTO events (text) VALUES ('next')").run().changes), 1);
    db.close();
    assert.deepEqual(missingFrom(database, load.acknowledged), []);
  });

  test('all is killed at once: only the newest commits are missing in the replica, and none on the disk', async t => {
    const { database, litestream, replicate, serve, restored } = ground(t);
    const service = serve();
    const replication = replicate();
    const url = await urlOf(service);
    const early = new Load(url);
    await early.reach(500);
    await early.stop();
    const last = early.acknowledged.length;
    await litestream.restoreUntil(restored, file => missingFrom(file, early.acknowledged).length === 0);

    const late = new Load(url);
    await late.reach(800);
    const killedAt = performance.now();
    await Promise.all([end(service, 'SIGKILL'), end(replication, 'SIGKILL')]);
    await late.stop();

    const copy = restored('end');
    assert.ok(litestream.restore(copy));
    await sound(copy);
    assert.deepEqual(missingFrom(copy, early.acknowledged), []);
    const missing = missingFrom(copy, late.acknowledged);
    const oldest = Math.min(...missing.map(({ acknowledgedAt }) => acknowledgedAt));
    const lost =
      missing.length === 0 ? 'none' : `${missing.length}, the oldest ${Math.round(killedAt - oldest)} ms old`;
    t.diagnostic(`of ${last + late.acknowledged.length} acknowledged commits, missing in the replica: ${lost}`);

    await sound(database);
    assert.deepEqual(missingFrom(database, [...early.acknowledged, ...late.acknowledged]), []);
  });

  test('Litestream starts the service, hands the signal on, and copies the last frames', async t => {
    const { database, litestream, replicate, restored } = ground(t);
    const both = replicate('-exec', `${process.execPath} server.mts`);
    const load = new Load(await urlOf(both));
    await load.reach(300);
    await litestream.begun();
    await load.stop();
    await end(both, 'SIGTERM');
    // The service left the WAL as it was.
    assert.equal(existsSync(`${database}-wal`), true);
    const copy = restored('end');
    assert.ok(litestream.restore(copy));
    await sound(copy);
    assert.deepEqual(missingFrom(copy, load.acknowledged), []);
  });

  test('is no finding of the sentinel, nor in the way of backup, verification and checkpoint reports', async t => {
    const { database, litestream, replicate, restored } = ground(t);
    using db = openDatabase(database, {
      logger: false,
      checkpoint: { owner: 'external' },
      dangerously: acceptedGround,
    });
    installProcessGuard();
    const seen: string[] = [];
    const events = [
      'checkpoint',
      'checkpointBlocked',
      'checkpointFailed',
      'locksLost',
      'fileReplaced',
      'fenced',
    ] as const;
    for (const event of events) db.events.on(event, () => seen.push(event));
    db.exec('CREATE TABLE t (id INTEGER PRIMARY KEY, pad BLOB)');
    const insert = db.prepare('INSERT INTO t (pad) VALUES (zeroblob(100_000))');
    const replication = replicate();
    await litestream.restoreUntil(restored, () => true);

    const walBytes = (): number => db.health().checkpoints?.walBytes ?? 0;
    // Until Litestream has checkpointed, and the WAL started over, twice: its read transaction is gone in between.
    for (let restarts = 0, before = 0; restarts < 2; before = walBytes()) {
      await db.write(() => insert.run());
      if (walBytes() < before) restarts += 1;
    }
    const backup = restored('backup');
    assert.equal((await db.backup(backup)).verified, 'quick');
    assert.equal((await db.verify('full')).ok, true);
    await assert.rejects(restoreDatabase({ from: backup, to: database }), RestoreError);
    assert.deepEqual(seen, []);
    const { status, sentinel, checkpoints } = db.health();
    assert.deepEqual([status, checkpoints?.owner, checkpoints?.blocked], ['ok', 'external', null]);
    if (process.platform === 'linux') assert.equal(sentinel?.locks, 'watched');
    await end(replication, 'SIGTERM');
    assert.equal(litestream.generations, 1);
  });

  const owners = [
    { owner: 'self', walAfterClose: false, generations: 2 },
    { owner: 'external', walAfterClose: true, generations: 1 },
  ] as const;
  for (const { owner, walAfterClose, generations } of owners) {
    test(`owner '${owner}', and a restart while Litestream is down: ${generations} generation(s)`, async t => {
      const { database, litestream, replicate, restored } = ground(t);
      const write = (text: string): void => {
        const db = openDatabase(database, { logger: false, checkpoint: { owner } });
        db.exec('CREATE TABLE IF NOT EXISTS t (text TEXT)');
        db.prepare('INSERT INTO t VALUES (?)').run(text);
        db.close();
      };
      const has = (text: string) => (file: string) => {
        const copy = new Native(file, { readonly: true });
        const found = copy.prepare('SELECT 1 FROM t WHERE text = ?').get(text);
        copy.close();
        return found !== undefined;
      };
      write('replicated');
      const first = replicate();
      await litestream.restoreUntil(round => restored(`first-${round}`), has('replicated'));
      await end(first, 'SIGTERM');
      write('while it is down');
      assert.equal(existsSync(`${database}-wal`), walAfterClose);
      const second = replicate();
      const copy = await litestream.restoreUntil(round => restored(`second-${round}`), has('while it is down'));
      await end(second, 'SIGTERM');
      await sound(copy);
      assert.equal(litestream.generations, generations);
    });
  }
});

async function urlOf(service: ChildProcess): Promise<string> {
  assert.ok(service.stdout !== null);
  for await (const line of createInterface(service.stdout)) if (line.startsWith('http://')) return line;
  await once(service, 'exit');
  assert.fail('the service ended without saying where it listens');
}
