/** Whoever may write in a folder puts a pipe, a device, a folder, a link or an endless file where a small file is read. */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const scenario = fileURLToPath(new URL('irregular.scenario.mts', import.meta.url));
const native = fileURLToPath(import.meta.resolve('better-sqlite3'));
const skip = process.platform === 'win32' ? 'Windows has no pipes in folders' : false;
const noDevice = process.getuid?.() === 0 ? false : 'only root makes devices';
/** So late on no machine: what has not come by then waits for a writer that never comes. */
const limitMs = 120_000;

const isLong = process.env['LONG_TESTS'] !== undefined;
const kinds = ['fifo', 'device', 'folder', 'link', 'link-to-fifo', 'endless'];
/** Beside a database, and in the folder of the scheduled backups of another one. */
const names = [
  'database',
  '-wal',
  '-shm',
  '-journal',
  '-fenced',
  '-set-aside',
  '.bak',
  '.rescued-20260101.db',
] as const;
const namesOfSchedule = ['manifest', 'backup', 'schedule lock', 'backup id', 'staging folder'] as const;

describe('what is no regular file', { skip }, () => {
  for (const [what, line] of [
    [
      'SQLite waits for a writer of the journal',
      `new (require('${native}'))(process.argv[1]).prepare('SELECT * FROM t').get()`,
    ],
    ['fs waits for a writer of a small file', `require('node:fs').readFileSync(process.argv[1] + '-journal')`],
  ] as const) {
    test(`the hazard: ${what}`, async t => {
      const folder = mkdtempSync(join(tmpdir(), 'safe-sqlite-fifo-'));
      const file = join(folder, 'app.db');
      const build = `new (require('${native}'))(process.argv[1]).exec('CREATE TABLE t (a)')`;
      assert.equal(spawnSync(process.execPath, ['-e', build, file]).status, 0);
      assert.equal(spawnSync('mkfifo', [`${file}-journal`]).status, 0);
      const child = spawn(process.execPath, ['-e', line, file]);
      t.after(() => {
        child.kill('SIGKILL');
        rmSync(folder, { recursive: true });
      });
      assert.equal(await Promise.race([once(child, 'exit'), delay(3000, 'waits')]), 'waits');
    });
  }

  for (const [position, name] of [...names, ...namesOfSchedule].entries()) {
    // One kind for each name, most often the one that waits for a writer; all of them in the long form, which CI runs.
    for (const kind of isLong
      ? kinds
      : [position % 2 === 0 ? 'fifo' : (kinds[1 + (position % (kinds.length - 1))] ?? 'device')]) {
      test(
        `${kind} as ${name}: nothing waits, and each refusal is typed`,
        { skip: kind === 'device' && noDevice },
        () => {
          const child = spawnSync(process.execPath, [scenario, kind, name], { encoding: 'utf8', timeout: limitMs });
          const lines = child.stdout
            .trim()
            .split('\n')
            .map(line => JSON.parse(line) as Record<string, string>);
          assert.equal(child.status, 0, `after ${JSON.stringify(lines.at(-1))}: ${child.stderr}`);
          for (const { operation, outcome } of lines)
            if (operation !== undefined) assert.doesNotMatch(outcome ?? '', /UNTYPED/, operation);
          const outcomes = new Map(lines.map(({ operation = '', outcome = '' }) => [operation, outcome]));
          // None of them keeps a backup from being made.
          if ((namesOfSchedule as readonly string[]).includes(name))
            assert.equal(outcomes.get('scheduled backup'), 'backup');
          if (name === '-fenced') {
            // Whatever stands there fences, the same for all who ask, and who asks for the fence learns what it is.
            assert.match(
              outcomes.get('open') ?? '',
              /^FencedDatabaseError.*may not come from this library: .* \| .*rm /,
            );
            assert.equal(outcomes.get('open readonly'), 'usable');
            assert.notEqual(outcomes.get('readFence'), 'undefined');
          }
        },
      );
    }
  }
});
