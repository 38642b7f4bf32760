// The programs that are carried as text: in a bundle, from any folder, and where no thread can be had.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import { buildSync } from 'esbuild';
import { dist, folder, require, walDatabase } from './fixture.mts';
import { noLinks } from '../support/links.mts';

/** An application that runs one job, bundled to CommonJS. The addon cannot be bundled: better-sqlite3 stays outside. */
function bundled(t: TestContext): { home: string; bundle: string } {
  const home = folder(t);
  const file = join(home, 'a.db');
  walDatabase(t, file, 5);
  symlinkSync(dirname(dirname(require.resolve('better-sqlite3/package.json'))), join(home, 'node_modules'));
  const application = join(home, 'application.cjs');
  writeFileSync(
    application,
    `const { runJob } = require(${JSON.stringify(dist('maintenance/jobs-client.js'))});
     let threads = 0;
     process.on('worker', () => threads++);
     runJob({ kind: 'checkpoint', file: ${JSON.stringify(file)}, identity: null, mode: 'passive', busyTimeoutMs: 0 })
       .then(result => console.log(result.complete, threads));`,
  );
  const bundle = join(home, 'out', 'bundle.js');
  buildSync({
    entryPoints: [application],
    outfile: bundle,
    bundle: true,
    platform: 'node',
    format: 'cjs',
    external: ['better-sqlite3'],
  });
  return { home, bundle };
}

function run(cwd: string, ...args: string[]): readonly string[] {
  const { stdout, stderr } = spawnSync(process.execPath, args, { cwd, encoding: 'utf8' });
  return [stdout.trim(), stderr];
}

describe('a bundle of one file', { skip: noLinks }, () => {
  test('runs jobs in a thread, started from any folder', t => {
    const { home, bundle } = bundled(t);
    const elsewhere = join(home, 'elsewhere');
    mkdirSync(elsewhere);
    for (const cwd of [home, elsewhere, '/']) assert.deepEqual(run(cwd, bundle), ['true 1', '']);
  });

  const flags = {
    'source maps': ['--enable-source-maps'],
    'frozen intrinsics': ['--frozen-intrinsics', '--no-warnings'],
    'hooks of the application': ['--require', './hook.cjs'],
  };
  for (const [what, given] of Object.entries(flags)) {
    test(`runs jobs in a thread under ${what}`, t => {
      const { home, bundle } = bundled(t);
      writeFileSync(
        join(home, 'hook.cjs'),
        `if (!require('worker_threads').isMainThread) console.log('in the thread')`,
      );
      assert.deepEqual(run(home, ...given, bundle), ['true 1', '']);
    });
  }

  test('runs jobs in the calling thread where the permission model allows none', t => {
    const { home, bundle } = bundled(t);
    const permission = ['--permission', '--allow-fs-read=*', '--allow-fs-write=*', '--allow-addons', '--no-warnings'];
    assert.deepEqual(run(home, ...permission, bundle), ['true 0', '']);
    assert.deepEqual(run(home, ...permission, '--allow-worker', bundle), ['true 1', '']);
  });
});
