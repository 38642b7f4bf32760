// An interrupt at any moment of any command, by Ctrl-C or SIGTERM: it is said, it is true, and nothing is left in the folder.
// The moments are spread over the time that the command takes undisturbed. The short form has one moment of a restore, which
// writes most; `--long` has all.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { copyFileSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { elsewhere, folder } from '../doctor/check-input.mts';
import { dist } from '../backup/fixture.mts';

const isLong = process.env['LONG_TESTS'] !== undefined;
const shares = !isLong ? [0.6] : Array.from({ length: 16 }, (_, at) => at / 14);
/** Ctrl-C, and what `timeout`, systemd and `docker stop` send. */
const signals = ['SIGINT', 'SIGTERM'] as const;
/** Before its first statement runs, Node itself ends at an interrupt, as every program does. */
const startMs = 200;

const commands: Readonly<Record<string, readonly string[]>> = {
  doctor: ['doctor', 'app.db', '--full'],
  verify: ['verify', 'app.db', '--full'],
  backup: ['backup', 'app.db', 'copy.db'],
  'backup page by page': ['backup', 'app.db', 'copy.db', '--method', 'online'],
  restore: ['restore', 'app.db', 'old.db'],
  checkpoint: ['checkpoint', 'app.db'],
};

/** Every file with its content; the -shm is rebuilt by each reader. */
function photograph(home: string): readonly string[] {
  return readdirSync(home)
    .toSorted()
    .map(name => {
      const path = join(home, name);
      if (name.endsWith('-shm') || statSync(path).isDirectory()) return name;
      return `${name} ${createHash('sha256').update(readFileSync(path)).digest('hex')}`;
    });
}

async function runUntil(
  home: string,
  line: readonly string[],
  interruptMs: number | null,
  by: NodeJS.Signals = 'SIGINT',
) {
  const child = spawn(process.execPath, [dist('cli/bin.js'), ...line], { cwd: home });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (data: Buffer) => (said += data.toString()));
  const started = performance.now();
  const closed = once(child, 'close') as Promise<[number | null, NodeJS.Signals | null]>;
  if (interruptMs !== null) {
    await Promise.race([closed, delay(interruptMs)]);
    child.kill(by);
  }
  const [code, signal] = await closed;
  return { code, signal, said, durationMs: performance.now() - started };
}

describe('interrupted', () => {
  for (const [name, line] of Object.entries(commands)) {
    test(name, { skip: !isLong && name !== 'restore' && 'runs with --long' }, async t => {
      const origin = folder(t);
      elsewhere(
        join(origin, 'app.db'),
        `const db = new Native(file); db.pragma('journal_mode=WAL'); db.pragma('wal_autocheckpoint=0');
         db.exec("CREATE TABLE t(a); CREATE INDEX i ON t(a); WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i < 60000) INSERT INTO t SELECT printf('%0100d', i) FROM n");
         process.kill(process.pid, 'SIGKILL')`,
      );
      const prepare = (): string => {
        const home = mkdtempSync(join(origin, 'run-'));
        for (const suffix of ['', '-wal', '-shm'])
          copyFileSync(join(origin, `app.db${suffix}`), join(home, `app.db${suffix}`));
        if (name === 'restore') copyFileSync(join(origin, 'app.db'), join(home, 'old.db'));
        return home;
      };
      const { durationMs } = await runUntil(prepare(), line, null);
      for (const [share, by] of shares.flatMap(each => signals.map(signal => [each, signal] as const))) {
        const home = prepare();
        const before = photograph(home);
        const { code, signal, said } = await runUntil(home, line, Math.max(startMs, durationMs * share), by);
        const where = `${name} at ${share} by ${by}: ${code} ${signal} ${said}`;
        if (signal === by) assert.deepEqual(photograph(home), before, where);
        else if (said.includes('Interrupted')) {
          assert.ok(said.endsWith('Interrupted. Nothing was changed.\n'), where);
          assert.equal(code, 1, where);
          assert.deepEqual(photograph(home), before, where);
        } else {
          // It was done before: the answer is whole.
          assert.match(said, /\n/, where);
          assert.doesNotMatch(said, /Ended without an answer/);
          assert.ok(!readdirSync(home).some(each => each.endsWith('.tmp')), where);
        }
        rmSync(home, { recursive: true });
      }
      assert.ok(existsSync(origin));
    });
  }
});
