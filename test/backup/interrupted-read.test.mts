// An interrupted read leaves nothing beside a database that had nothing beside it: SQLite makes a -wal and a -shm for each
// reader of a database in WAL mode, and a reader that is killed cannot remove them.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, existsSync, mkdtempSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { before, describe, test, type TestContext } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { diagnose, openDatabase, restoreDatabase, verifyDatabase } from 'safe-sqlite';
import { elsewhere, holding } from '../doctor/check-input.mts';
import { dist, folder, names, Native } from './fixture.mts';

const isLong = process.env['LONG_TESTS'] !== undefined;

let model = '';

// A check that takes a while (the CHECK, which is no constant), and a copy that does (the bytes).
before(t => {
  const home = folder(t as TestContext);
  model = join(home, 'model.db');
  const db = new Native(model);
  db.pragma('journal_mode=WAL');
  db.pragma('ignore_check_constraints = ON');
  db.exec(`CREATE TABLE t (a CHECK (length(replace(printf('%.*c', 100000 + a % 2, 'x'), 'x', 'yy')) > 0)); CREATE TABLE big (b);
    WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 4000) INSERT INTO t SELECT i FROM n;
    INSERT INTO big VALUES (zeroblob(30000000))`);
  db.close();
});

/** A database in WAL mode that was closed in good order, alone in its folder. */
function closed(t: TestContext): { readonly home: string; readonly file: string } {
  const home = mkdtempSync(join(folder(t), 'data-'));
  copyFileSync(model, join(home, 'app.db'));
  return { home, file: join(home, 'app.db') };
}

/** Waits until a reader has the database open; fails where the work ends before. */
async function untilOpen(file: string, work: Promise<unknown>): Promise<void> {
  let isOver = false;
  const over = (): void => void (isOver = true);
  void work.then(over, over);
  while (!existsSync(`${file}-wal`) || !existsSync(`${file}-shm`)) {
    assert.equal(isOver, false, 'it ended before it could be interrupted');
    await setImmediate();
  }
}

const interrupt = new Error('interrupted by the test');

/** The short form has one of each kind: a check, the limit of the doctor, a copy. */
const long = (isShort: boolean) => ({ skip: !isLong && !isShort && 'runs with --long' });

const calls: Readonly<Record<string, (file: string, signal: AbortSignal, elsewhere: string) => Promise<unknown>>> = {
  'verifyDatabase, quick': (file, signal) => verifyDatabase(file, { signal }),
  'verifyDatabase, full': (file, signal) => verifyDatabase(file, { level: 'full', signal }),
  'diagnose, full': (file, signal) => diagnose(file, { full: true, signal }),
  diagnose: (file, signal) => diagnose(file, { signal }),
  restoreDatabase: (from, signal, home) => restoreDatabase({ from, to: join(home, 'restored.db'), signal }),
};

const lines: Readonly<Record<string, readonly string[]>> = {
  verify: ['verify', 'app.db'],
  doctor: ['doctor', 'app.db', '--full'],
  backup: ['backup', 'app.db'],
  'backup, online': ['backup', 'app.db', '--method', 'online'],
  restore: ['restore', 'app.db'],
};

function command(t: TestContext, home: string, [name = '', file = '', ...options]: readonly string[]) {
  const destination = name === 'backup' || name === 'restore' ? [join(folder(t), 'copy.db')] : [];
  const line = [dist('cli/bin.js'), name, file, ...destination, ...options];
  const child = spawn(process.execPath, line, { cwd: home, stdio: 'ignore' });
  return { child, over: once(child, 'close') };
}

test('raw: a reader that is killed leaves an empty -wal and a -shm', t => {
  const { home, file } = closed(t);
  elsewhere(
    file,
    "const db = new Native(file); db.prepare('SELECT a FROM t').get(); process.kill(process.pid, 'SIGKILL')",
  );
  assert.deepEqual(names(home), ['app.db', 'app.db-shm', 'app.db-wal']);
  assert.equal(statSync(`${file}-wal`).size, 0);
});

describe('aborted', () => {
  for (const [name, run] of Object.entries(calls)) {
    test(name, long(name === 'verifyDatabase, quick'), async t => {
      const { home, file } = closed(t);
      const bytes = readFileSync(file);
      const controller = new AbortController();
      const work = run(file, controller.signal, folder(t));
      await untilOpen(file, work);
      controller.abort(interrupt);
      await assert.rejects(work, error => error === interrupt || (error as Error).cause === interrupt);
      assert.deepEqual(names(home), ['app.db']);
      assert.ok(bytes.equals(readFileSync(file)));
    });
  }

  test('a check of the doctor that takes too long', long(false), async t => {
    const { home, file } = closed(t);
    const slow = new Native(file);
    slow.exec(
      'WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 99000) INSERT INTO t SELECT i FROM n',
    );
    slow.close();
    const { notLookedAt } = await diagnose(file, { stepTimeoutMs: 2000 });
    assert.match(JSON.stringify(notLookedAt), /it took too long/);
    assert.deepEqual(names(home), ['app.db']);
  });

  test('a program commits meanwhile, and is killed: its -wal is left to the next open', async t => {
    const { home, file } = closed(t);
    const longer = new Native(file);
    longer.pragma('ignore_check_constraints = ON');
    longer.exec(
      'WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 60000) INSERT INTO t SELECT i FROM n',
    );
    longer.close();
    const bytes = readFileSync(file);
    const controller = new AbortController();
    const work = verifyDatabase(file, { signal: controller.signal });
    await untilOpen(file, work);
    elsewhere(
      file,
      "const db = new Native(file); db.exec('CREATE TABLE meanwhile (a)'); process.kill(process.pid, 'SIGKILL')",
    );
    const { size } = statSync(`${file}-wal`);
    assert.ok(size > 0);
    controller.abort(interrupt);
    await assert.rejects(work, interrupt);
    assert.deepEqual(names(home), ['app.db', 'app.db-shm', 'app.db-wal']);
    assert.equal(statSync(`${file}-wal`).size, size);
    assert.ok(bytes.equals(readFileSync(file)));
    const db = openDatabase(file, { logger: false });
    assert.deepEqual(db.prepare('SELECT a FROM meanwhile').all(), []);
    db.close();
  });

  test('beside a process that has the database open: its -wal and -shm stay, and it goes on', async t => {
    const { home, file } = closed(t);
    const longer = new Native(file);
    // Beside others a check reads only, and evaluates no CHECK: the keys of an index take as long.
    longer.exec("CREATE INDEX i ON t (length(replace(printf('%.*c', 100000 + a % 2, 'x'), 'x', 'yy')))");
    longer.close();
    const holder = await holding(
      t,
      file,
      `const db = new Native(file); db.prepare('SELECT a FROM t').get();
       process.stdin.on('data', () => { db.exec('DELETE FROM t WHERE a > 3'); console.log(db.pragma('quick_check', { simple: true })); })`,
    );
    assert.equal(statSync(`${file}-wal`).size, 0);
    const controller = new AbortController();
    // Its files are there before: only the time says that the check runs, which takes seconds.
    const work = verifyDatabase(file, { level: 'full', signal: controller.signal });
    setTimeout(() => controller.abort(interrupt), 200);
    await assert.rejects(work, interrupt);
    assert.deepEqual(names(home), ['app.db', 'app.db-shm', 'app.db-wal']);
    const answer = once(holder.stdout ?? process.stdout, 'data');
    holder.stdin?.write('on');
    assert.equal(String((await answer)[0]).trim(), 'ok');
    assert.equal((await verifyDatabase(file)).ok, true);
  });
});

const isWindows = process.platform === 'win32';

describe('interrupted', () => {
  for (const [name, line] of Object.entries(lines)) {
    for (const by of ['SIGINT', 'SIGTERM'] as const) {
      const how = isWindows
        ? { skip: 'a process of Windows gets no signal' }
        : long(name === 'backup' && by === 'SIGINT');
      test(`${name}, by ${by}`, how, async t => {
        const { home, file } = closed(t);
        const { child, over } = command(t, home, line);
        await untilOpen(file, over);
        child.kill(by);
        assert.deepEqual(await over, [1, null]);
        assert.deepEqual(names(home), ['app.db']);
      });
    }
  }
});

describe('killed: the next read leaves what it finds, and the next open to write removes it', () => {
  for (const [name, line] of Object.entries(lines)) {
    test(name, long(name === 'verify'), async t => {
      const { home, file } = closed(t);
      const first = command(t, home, ['verify', 'app.db']);
      await untilOpen(file, first.over);
      first.child.kill('SIGKILL');
      await first.over;
      const next = command(t, home, line);
      // The doctor has something to say about the missing backups.
      assert.deepEqual(await next.over, [name === 'doctor' ? 3 : 0, null]);
      // It may be the -wal of a program whose locks are not seen here.
      assert.deepEqual(names(home), ['app.db', 'app.db-shm', 'app.db-wal']);
      assert.equal(statSync(`${file}-wal`).size, 0);
      openDatabase(file, { logger: false }).close();
      assert.deepEqual(names(home), ['app.db']);
    });
  }
});
