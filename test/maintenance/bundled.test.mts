// The host inside a bundle: with its thread's program beside it, and without.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { buildSync } from 'esbuild';
import { dist, folder, require, walDatabase } from './fixture.mts';

function bundle(entry: string, outfile: string): void {
  // The addon cannot be bundled: a real application leaves better-sqlite3 outside too.
  buildSync({
    entryPoints: [entry],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'cjs',
    external: ['better-sqlite3'],
  });
}

test('a bundle runs jobs in the thread whose program is bundled beside it, else in the main thread, and says so', t => {
  const home = folder(t);
  const file = join(home, 'a.db');
  walDatabase(t, file, 5);
  symlinkSync(dirname(dirname(require.resolve('better-sqlite3/package.json'))), join(home, 'node_modules'));
  const application = join(home, 'application.cjs');
  writeFileSync(
    application,
    `const { runJob } = require(${JSON.stringify(dist('maintenance/jobs-client.js'))});
     const { Worker } = require('node:worker_threads');
     let threads = 0;
     process.on('worker', () => threads++);
     process.on('warning', warning => console.log(warning.code));
     runJob({ kind: 'checkpoint', file: ${JSON.stringify(file)}, identity: null, mode: 'passive', busyTimeoutMs: 0 })
       .then(result => console.log(result.complete, threads));`,
  );
  const bundled = join(home, 'out', 'bundle.js');
  bundle(application, bundled);
  // Somebody else's program of a common name is not taken for ours.
  writeFileSync(join(home, 'out', 'worker.js'), `throw new Error('the application\\'s own worker')`);
  const run = () => spawnSync(process.execPath, ['--no-warnings', bundled], { encoding: 'utf8' });
  const without = run();
  assert.deepEqual([without.stdout, without.stderr], ['SAFE_SQLITE_NO_WORKER\ntrue 0\n', '']);
  bundle(dist('maintenance/safe-sqlite-worker.js'), join(home, 'out', 'safe-sqlite-worker.js'));
  const beside = run();
  assert.deepEqual([beside.stdout, beside.stderr], ['true 1\n', '']);
});
