import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';

const entry = createRequire(import.meta.url).resolve('safe-sqlite');
const native = createRequire(import.meta.url).resolve('better-sqlite3');

/** Returns the output of a program that runs in a folder of its own, beside timers that never fire and a clock that stands. */
function run(t: TestContext, replace: string, body: string): string[] {
  const folder = mkdtempSync(join(tmpdir(), 'safe-sqlite-clock-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const program = `
    const real = { setTimeout };
    // Nothing of the library keeps the process alive.
    const alive = setInterval(() => {}, 1000);
    const stop = clearInterval;
    const { openDatabase, verifyDatabase } = require(${JSON.stringify(entry)});
    const Raw = require(${JSON.stringify(native)});
    ${replace}
    (async () => { ${body} })().finally(() => stop(alive)).catch(error => { console.error(error); process.exit(1); });`;
  const { stdout, stderr, status } = spawnSync(process.execPath, ['-e', program], {
    cwd: folder,
    encoding: 'utf8',
    timeout: 120_000,
  });
  assert.equal(status, 0, stderr);
  return stdout.trim().split('\n');
}

/** As Jest and Vitest replace them: every global, and `Date`. */
const globals = `
  for (const name of ['setTimeout', 'setInterval', 'setImmediate', 'clearTimeout', 'clearInterval', 'clearImmediate', 'queueMicrotask'])
    globalThis[name] = () => 0;
  process.nextTick = () => {};
  globalThis.performance = { now: () => 0 };
  globalThis.Date = class extends Date { constructor(...given) { super(...(given.length > 0 ? given : [0])); } static now() { return 0; } };`;

/** As node:test replaces them: also in node:timers and node:timers/promises. */
const nodeTest = `require('node:test').mock.timers.enable();`;

for (const [kind, replace] of Object.entries({ 'replaced globals': globals, 'mock.timers of node:test': nodeTest })) {
  describe(`with ${kind}`, () => {
    test('a timer of the application never fires', t => {
      const said = run(
        t,
        replace,
        `setTimeout(() => console.log('fired'), 1); setImmediate(() => console.log('fired'));`,
      );
      assert.deepEqual(said, ['']);
    });

    test('db.write settles, also behind a lock of another connection', t => {
      const said = run(
        t,
        replace,
        `const db = openDatabase('a.db');
         db.exec('CREATE TABLE t(x)');
         console.log(await db.write(() => db.prepare('INSERT INTO t VALUES (1)').run().changes));
         const raw = new Raw('a.db');
         raw.exec('BEGIN IMMEDIATE');
         real.setTimeout(() => raw.exec('COMMIT'), 50);
         console.log(await db.write(() => db.prepare('INSERT INTO t VALUES (2)').run().changes));
         raw.close(); db.close();`,
      );
      assert.deepEqual(said, ['1', '1']);
    });

    test('checkpoints, the sentinel, warnings, scheduled backups, backups and checks go on', t => {
      const said = run(
        t,
        replace,
        `const db = openDatabase('a.db', {
           logger: false,
           checkpoint: { intervalMs: 100 },
           sentinel: { intervalMs: 100 },
           backup: { directory: 'backups' },
           dangerously: { allowUnsyncedCommits: 'only in a test' },
         });
         const event = name => new Promise(resolve => db.events.once(name, resolve));
         const events = { warning: event('warning'), backup: event('backup'), checkpoint: event('checkpoint') };
         db.exec('CREATE TABLE t(x)');
         console.log((await events.warning).code);
         await db.write(() => db.prepare('INSERT INTO t VALUES (1)').run());
         console.log((await events.checkpoint).complete);
         // The clock of the application stands in 1970.
         console.log(/1970/.test((await events.backup).path));
         const before = db.health().sentinel.checks;
         while (db.health().sentinel.checks < before + 3) await new Promise(resolve => real.setTimeout(resolve, 20));
         console.log((await db.backup('copy.db')).verified, (await verifyDatabase('copy.db')).ok);
         console.log((await db.withSnapshot(() => 7)).value, (await db.checkpoint()).complete);
         db.close();`,
      );
      const words = said.slice(1).join(' ');
      assert.equal(words, 'true false quick true 7 true');
    });
  });
}
