import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { describe, test } from 'node:test';
import { blocksOf } from '../docs/page.mts';
import { exampleFolder, node, npmInstall, programFolder, registrySkip } from './program.mts';

describe('Nest applications, after a real npm install', { skip: registrySkip }, () => {
  test('Nest 11, CommonJS, Jest with ts-jest', async t => {
    const folder = programFolder(t, 'nest-11');
    npmInstall(folder);
    node(folder, 'node_modules/jest/bin/jest.js', '--ci');
    await closesAtSignal(folder);
  });

  test('examples/nest: Nest 12, ESM, Vitest', async t => {
    const folder = exampleFolder(t, 'nest');
    npmInstall(folder);
    node(folder, 'node_modules/vitest/vitest.mjs', 'run', '--dir', 'src');
    await closesAtSignal(folder);
    await runsTheDocs(folder);
  });
});

/** The files of docs/nest.md, named by their first lines, are one application. */
async function runsTheDocs(folder: string): Promise<void> {
  for (const old of ['src', 'out']) rmSync(join(folder, old), { recursive: true });
  mkdirSync(join(folder, 'src'));
  const blocks = blocksOf('nest.md');
  assert.deepEqual(
    blocks.filter(({ language }) => language !== 'ts'),
    [],
  );
  for (const { text } of blocks) {
    const [, file] = /^\/\/ (\S+\.ts)\n/.exec(text) ?? [];
    assert.ok(file !== undefined, `no file name: ${text}`);
    writeFileSync(join(folder, 'src', file), text);
  }
  node(folder, 'node_modules/typescript/bin/tsc', '-p', '.');
  node(folder, 'node_modules/vitest/vitest.mjs', 'run', '--dir', 'src');
  // The program of the page prints nothing of its own: it is imported, and asked.
  const asks = `
    import { Test } from '@nestjs/testing';
    import { AppModule } from './app.module.js';
    import { Audit, SeveralModule } from './several.module.js';
    const app = (await Test.createTestingModule({ imports: [AppModule] }).compile()).createNestApplication();
    await app.listen(0, '127.0.0.1');
    const ask = async (path, text) => {
      const init = text === undefined ? {} : { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ text }) };
      const response = await fetch(await app.getUrl() + path, init);
      const body = await response.json();
      return [response.status, body.id ?? body.status];
    };
    console.log(JSON.stringify([await ask('/notes', 'one'), await ask('/notes', null), await ask('/health')]));
    await app.close();
    const several = await Test.createTestingModule({ imports: [SeveralModule] }).compile();
    const { main, audit } = several.get(Audit);
    console.log(JSON.stringify([main.name, audit.name, audit.plan.synchronous]));
    await several.close();`;
  writeFileSync(join(folder, 'out/asks.js'), asks);
  const [first, second] = node(folder, 'out/asks.js').trim().split('\n');
  const [created, failed, health] = JSON.parse(first ?? '') as [number, unknown][];
  assert.deepEqual([created, failed, health?.[0]], [[201, 1], [400, null], 200]);
  // The machine that tests run on may have a disk without a journal.
  assert.match(String(health?.[1]), /^(?:ok|degraded)$/);
  assert.deepEqual(JSON.parse(second ?? ''), ['./main.db', 'audit.db', 'extra']);

  const app = spawn(process.execPath, ['out/main.js'], { cwd: folder, env: { ...process.env, PORT: '0' } });
  await once(app.stdout, 'data');
  app.kill('SIGTERM');
  await once(app, 'exit');
}

/** The compiled application, as it would be deployed. */
async function closesAtSignal(folder: string): Promise<void> {
  node(folder, 'node_modules/typescript/bin/tsc', '-p', '.');
  const data = join(folder, 'data');
  mkdirSync(data);
  const app = spawn(process.execPath, ['out/main.js'], {
    cwd: folder,
    env: { ...process.env, DATA: data, PORT: '0' },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let url = '';
  for await (const line of createInterface(app.stdout)) {
    url = line;
    if (url.startsWith('http://')) break;
  }
  const body = JSON.stringify({ text: 'kept' });
  const added = await fetch(`${url}/notes`, { method: 'POST', headers: { 'content-type': 'application/json' }, body });
  assert.equal(added.status, 201);
  assert.equal(existsSync(join(data, 'app.db-wal')), true);
  app.kill('SIGTERM');
  await once(app, 'exit');
  assert.equal(existsSync(join(data, 'app.db')), true);
  assert.equal(existsSync(join(data, 'app.db-wal')), false);
}
