import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { describe, test } from 'node:test';
import { node, npmInstall, programFolder, registrySkip } from './program.mts';

const applications = [
  { name: 'nest-11', title: 'Nest 11, CommonJS, Jest with ts-jest', runner: ['node_modules/jest/bin/jest.js', '--ci'] },
  { name: 'nest-12', title: 'Nest 12, ESM, Vitest', runner: ['node_modules/vitest/vitest.mjs', 'run'] },
];

describe('Nest applications, after a real npm install', { skip: registrySkip, concurrency: 2 }, () => {
  for (const { name, title, runner } of applications) {
    test(title, async t => {
      const folder = programFolder(t, name);
      npmInstall(folder);
      node(folder, ...runner);
      node(folder, 'node_modules/typescript/bin/tsc', '-p', '.');
      await closesAtSignal(folder);
    });
  }
});

/** The compiled application, as it would be deployed. */
async function closesAtSignal(folder: string): Promise<void> {
  const data = join(folder, 'data');
  mkdirSync(data);
  const app = spawn(process.execPath, ['out/main.js'], {
    cwd: folder,
    env: { ...process.env, DATA: data },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [url] = (await once(createInterface(app.stdout), 'line')) as [string];
  const body = JSON.stringify({ text: 'kept' });
  const added = await fetch(`${url}/notes`, { method: 'POST', headers: { 'content-type': 'application/json' }, body });
  assert.equal(added.status, 201);
  assert.equal(existsSync(join(data, 'app.db-wal')), true);
  app.kill('SIGTERM');
  await once(app, 'exit');
  assert.equal(existsSync(join(data, 'app.db')), true);
  assert.equal(existsSync(join(data, 'app.db-wal')), false);
}
