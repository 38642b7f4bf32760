import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import Native from 'better-sqlite3';
import { installSecondCopy } from '../../support/second-copy.mts';
import { hazards } from './hazards.mts';

const folder = fs.realpathSync(fs.mkdtempSync(join(tmpdir(), 'safe-sqlite-hazards-')));
after(() => fs.rmSync(folder, { recursive: true, force: true }));
const linux = process.platform === 'linux' ? false : 'needs the /proc of Linux';
const child = fileURLToPath(new URL('child.mts', import.meta.url));
let second = '';
let count = 0;

before(() => {
  second = installSecondCopy(folder);
});

interface Outcome {
  readonly file: string;
  readonly acknowledged: readonly string[];
  /** The error that kept the hazard from striking. */
  readonly refused: string | null;
  /** The error that ended the commits. */
  readonly ended: { readonly name: string; readonly rescued: string | null } | null;
}

/** Runs the process until it kills itself, as a power failure of the process would. */
function run(subject: 'raw' | 'ours' | 'guarded', hazard: string, thread: 'main' | 'worker'): Outcome {
  const place = join(folder, String(count++));
  fs.mkdirSync(place);
  const file = join(place, 'app.db');
  const result = spawnSync(process.execPath, ['--no-warnings', child, subject, hazard, thread, file, second], {
    encoding: 'utf8',
  });
  assert.equal(result.signal, 'SIGKILL', result.stderr);
  return { file, ...(JSON.parse(result.stdout) as Omit<Outcome, 'file'>) };
}

/** The rows that whoever opens the path next will see. */
function rowsIn(path: string | null): string[] {
  if (path === null || !fs.existsSync(path)) return [];
  const db = new Native(path);
  try {
    assert.equal(db.pragma('integrity_check', { simple: true }), 'ok');
    return db.prepare<[], string>('SELECT a FROM t').pluck().all();
  } catch (error) {
    if (error instanceof Native.SqliteError && error.message.includes('no such table')) return [];
    throw error;
  } finally {
    db.close();
  }
}

function missing({ acknowledged }: Outcome, found: readonly string[]): string[] {
  return acknowledged.filter(row => !found.includes(row));
}

for (const [hazard, { guarded }] of Object.entries(hazards)) {
  for (const thread of ['main', 'worker'] as const) {
    describe(`${hazard}, from ${thread === 'main' ? 'the main thread' : 'a worker thread'}`, { skip: linux }, () => {
      test('raw better-sqlite3 acknowledges rows that are lost', t => {
        const outcome = run('raw', hazard, thread);
        assert.equal(outcome.acknowledged.length, 101);
        const lost = missing(outcome, rowsIn(outcome.file));
        t.diagnostic(`${outcome.acknowledged.length} acknowledged, ${lost.length} lost`);
        assert.ok(lost.length > 0);
      });

      test('with the sentinel nothing acknowledged is lost', t => {
        const outcome = run('ours', hazard, thread);
        assert.equal(outcome.refused, null);
        assert.ok(outcome.ended, 'nothing was found');
        assert.match(outcome.ended.name, /LocksLostError|FileReplacedError/);
        const found = [...rowsIn(outcome.file), ...rowsIn(outcome.ended.rescued)];
        t.diagnostic(`${outcome.acknowledged.length} acknowledged, then ${outcome.ended.name}`);
        assert.deepEqual(missing(outcome, found), []);
      });

      test(
        'with the process guard it does not happen',
        { skip: guarded ? false : 'the guard refuses what cancels locks, in this process' },
        () => {
          const outcome = run('guarded', hazard, thread);
          assert.equal(outcome.refused, 'SqliteCopyConflictError');
          assert.equal(outcome.ended, null);
          assert.equal(outcome.acknowledged.length, 101);
          assert.deepEqual(missing(outcome, rowsIn(outcome.file)), []);
        },
      );
    });
  }
}
