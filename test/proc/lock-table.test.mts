import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import { everyLock, parseLockTable, readTable } from '../../dist/proc/lock-table.js';

const linux = process.platform === 'linux' ? false : 'needs the /proc of Linux';

const line = (number: number, pid: number, start: number): string =>
  `${number}: POSIX  ADVISORY  READ ${pid} fe:00:77 ${start} ${start}\n`;

describe('a table of locks that is read in parts while it changes', () => {
  const many = Array.from({ length: 100 }, (_, at) => line(at + 1, at + 1, 124));
  const without = (...left: number[]): string => many.filter((_, at) => !left.includes(at)).join('');
  for (const [name, readings] of [
    ['is whole', []],
    ['is in another order', [many.toReversed().join('')]],
    ['leaves a lock out once', [without(50)]],
    ['leaves the same lock out nine times', Array<string>(9).fill(without(50))],
    ['lists a lock twice', [many.join('') + line(101, 7, 124)]],
    ['leaves another one out in every reading', [without(1), without(2), without(3), without(1), without(2)]],
    ['never has them all at once', Array.from({ length: 60 }, (_, at) => without(at))],
  ] as const) {
    test(name, () => {
      const left: string[] = [...readings];
      const locks = everyLock(() => left.shift() ?? many.join(''));
      assert.deepEqual(
        locks.map(({ pid }) => pid).toSorted((a, b) => a - b),
        many.map((_, at) => at + 1),
      );
    });
  }

  test('changes all the time: the readings have an end', () => {
    let read = 0;
    const locks = everyLock(() => many.join('') + line(101, 1000 + read++, 120));
    assert.equal(locks.length, 100 + read);
    assert.ok(read > 12 && read < 100);
  });

  for (const [name, text, found] of [
    ['is short: one reading is of one moment', line(1, 10, 124), 1],
    ['is empty', '', 0],
  ] as const)
    test(name, () => {
      let read = 0;
      const locks = everyLock(() => {
        read++;
        return text;
      });
      assert.deepEqual([locks.length, read], [found, 1]);
    });
});

test('three hundred locks that stay, beside processes that commit: none is ever missing', { skip: linux }, async t => {
  const home = mkdtempSync(join(tmpdir(), 'safe-sqlite-locks-'));
  t.after(() => rmSync(home, { recursive: true, force: true }));
  const reading = `const held = []; for (let at = 0; at < 100; at++) {
      const db = new Native(home + '/' + at + '.db'); db.pragma('journal_mode=WAL'); db.pragma('synchronous=OFF');
      db.exec('CREATE TABLE t(a)'); db.exec('BEGIN'); db.prepare('SELECT * FROM t').all(); held.push(db);
    }`;
  const holder = await running(t, home, `${reading} console.log('ready'); setInterval(() => held, 1e6)`);
  for (const name of ['x', 'y'])
    await running(
      t,
      home,
      `const db = new Native(home + '/${name}.db'); db.pragma('journal_mode=WAL'); db.pragma('synchronous=OFF');
       db.exec('CREATE TABLE t(a)'); console.log('ready');
       const go = () => { for (let i = 0; i < 1000; i++) db.exec('INSERT INTO t VALUES (1)'); db.exec('DELETE FROM t'); setImmediate(go); }; go()`,
    );
  const held = (locks: readonly { readonly pid: number }[]): number =>
    locks.filter(({ pid }) => pid === holder.pid).length;

  const until = performance.now() + 2000;
  let wrong = false;
  // The hazard: one reading counts too few or too many of them.
  while (!wrong && performance.now() < until) wrong = held(parseLockTable(readTable(0))) !== 300;
  if (!wrong) t.diagnostic('this machine never gave a torn reading');
  for (let time = 0; time < 50; time++) assert.equal(held(everyLock(readTable)), 300);
});

async function running(t: TestContext, home: string, script: string): Promise<{ readonly pid: number }> {
  const addon = createRequire(import.meta.url).resolve('better-sqlite3');
  const text = `const Native = require(${JSON.stringify(addon)}); const home = ${JSON.stringify(home)}; ${script}`;
  const child = spawn(process.execPath, ['-e', text], { stdio: ['ignore', 'pipe', 'inherit'] });
  t.after(async () => {
    child.kill('SIGKILL');
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  });
  await once(child.stdout, 'data');
  return { pid: child.pid ?? assert.fail('did not start') };
}
