/** A process in which fsync does nothing says so at open; one in which it does its work is silent. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { compileC, whyNoCompiler } from '../support/compile-c.mts';

const program = join(import.meta.dirname, 'sync-probe.scenario.mts');
// Not the temporary folder: that is memory on some machines, which has warnings of its own.
const folder = mkdtempSync(join(import.meta.dirname, '.sync-probe-'));
after(() => rmSync(folder, { recursive: true, force: true }));

const noCompiler = whyNoCompiler();
const noEatMyData =
  spawnSync('ldconfig', ['-p'], { encoding: 'utf8' }).stdout?.includes('libeatmydata.so') === true
    ? false
    : 'needs libeatmydata (Debian: libeatmydata1)';
const noStrace = spawnSync('strace', ['-V']).status === 0 ? false : 'needs strace';

interface Told {
  readonly status: string;
  readonly reasons: readonly string[];
  readonly warnings: readonly { readonly code: string; readonly message: string }[];
  readonly readonly: readonly string[];
  readonly memory: readonly string[];
}

interface Way {
  /** What runs Node. */
  readonly command?: readonly string[];
  readonly preload?: string;
  readonly accepted?: string;
}

let count = 0;

function run(subject: 'raw' | 'ours', { command = [], preload, accepted }: Way = {}): Told {
  const file = join(folder, `${(count += 1)}.db`);
  const [name, ...args] = [...command, process.execPath, program, subject, file];
  const child = spawnSync(name, [...args, ...(accepted === undefined ? [] : [accepted])], {
    encoding: 'utf8',
    env: { ...process.env, ...(preload !== undefined && { LD_PRELOAD: preload }) },
  });
  assert.equal(child.status, 0, child.stderr);
  return JSON.parse(child.stdout) as Told;
}

const library = (source: string): string =>
  compileC({ sources: [join(import.meta.dirname, source)], flags: ['-shared', '-fPIC'] });

const codes = ({ warnings }: Told): string[] => warnings.map(({ code }) => code);

describe('a sync that does nothing', () => {
  test(
    'raw: under libeatmydata a commit with synchronous=FULL returns, and no sync reaches the kernel',
    { skip: noEatMyData || noStrace },
    () => {
      const syncs = (preload: readonly string[]): number => {
        const log = join(folder, `strace-${preload.length}`);
        const trace = ['strace', '-f', '-qq', '-e', 'trace=fsync,fdatasync', '-o', log, ...preload];
        run('raw', { command: trace });
        return readFileSync(log, 'utf8').match(/^\d+ +f(?:data)?sync\(/gm)?.length ?? 0;
      };
      assert.ok(syncs([]) > 0);
      // By env(1), because strace itself is not to be preloaded.
      assert.equal(syncs(['env', 'LD_PRELOAD=libeatmydata.so']), 0);
    },
  );

  const told = (way: Way, by: RegExp): void => {
    const { status, reasons, warnings, readonly, memory } = run('ours', way);
    const [warning, ...others] = warnings.filter(({ code }) => code.startsWith('non-durable'));
    assert.equal(warning?.code, 'non-durable-sync');
    assert.deepEqual(others, []);
    assert.match(warning.message, by);
    assert.equal(status, 'degraded');
    assert.ok(reasons.includes(`Commits are not durable: ${warning.message}`));
    // Nothing is committed there.
    assert.ok(!readonly.includes('non-durable-sync'));
    assert.ok(!memory.includes('non-durable-sync'));
  };

  test('libeatmydata is named', { skip: noEatMyData }, () => {
    told({ preload: 'libeatmydata.so' }, /^fsync does nothing in this process: \/\S+libeatmydata\S* takes it away/);
  });

  test(
    'a library without a telling name that spares what is no regular file is named',
    { skip: noCompiler ?? false },
    () => {
      const path = library('no-sync.c');
      told({ preload: path }, new RegExp(`^fsync does nothing in this process: ${path} takes it away`));
    },
  );

  test('a seccomp filter that suppresses it has no library', { skip: noCompiler ?? false }, () => {
    const command = [compileC({ sources: [join(import.meta.dirname, 'suppress-sync.c')] })];
    told({ command }, /as with a seccomp filter/);
  });

  test('what was accepted in words is a warning, and health is ok', { skip: noEatMyData }, () => {
    const way = { preload: 'libeatmydata.so', accepted: 'a test run: the database is thrown away' };
    const { status, warnings } = run('ours', way);
    assert.equal(status, 'ok');
    assert.match(
      warnings.find(({ code }) => code === 'non-durable-filesystem-allowed')?.message ?? '',
      /accepts: a test run: the database is thrown away$/,
    );
  });

  test('silent where the sync reaches the kernel', () => {
    assert.ok(!codes(run('ours')).includes('non-durable-sync'));
  });

  test('silent through a preloaded library that passes the sync on', { skip: noCompiler ?? false }, () => {
    assert.ok(!codes(run('ours', { preload: library('keep-sync.c') })).includes('non-durable-sync'));
  });
});
