// The application of apps/environment behind a route of a framework, built and served as for production.
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { blocksOf } from '../docs/page.mts';
import { copyApplication, frameworksSkip, record, versionOf, whole, type Facts } from './environment.mts';
import { npmInstall, programFolder } from './program.mts';

const blocks = blocksOf('bundlers.md');

function configure(folder: string, file: string): void {
  const block = blocks.find(({ text }) => text.startsWith(`// ${file}\n`));
  assert.ok(block, `docs/bundlers.md has no ${file}`);
  writeFileSync(join(folder, file), block.text);
}

function bin(folder: string, file: string, ...args: string[]): void {
  execFileSync(process.execPath, [join(folder, 'node_modules', file), ...args], {
    cwd: folder,
    stdio: 'pipe',
    env: { ...process.env, NODE_ENV: 'production', NEXT_TELEMETRY_DISABLED: '1' },
  });
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

/** What `path` of a built server answers. */
async function ask(t: TestContext, folder: string, program: string, path: string): Promise<unknown> {
  const port = await freePort();
  const env = { ...process.env, NODE_ENV: 'production', HOSTNAME: '127.0.0.1', HOST: '127.0.0.1', PORT: String(port) };
  const server = spawn(process.execPath, [program], { cwd: folder, env, stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  server.stderr.setEncoding('utf8').on('data', (text: string) => (said += text));
  t.after(() => server.kill());
  for (;;) {
    if (server.exitCode !== null) assert.fail(`the server ended: ${said}`);
    const response = await fetch(`http://127.0.0.1:${port}${path}`).catch(() => null);
    if (response !== null) {
      const text = await response.text();
      assert.equal(response.status, 200, `${text}\n${said}`);
      return JSON.parse(text);
    }
    await delay(50);
  }
}

describe('frameworks', { skip: frameworksSkip }, () => {
  test('Next: Turbopack and webpack, standalone, away from the project', async t => {
    const folder = programFolder(t, 'next');
    copyApplication(folder, 'exercise.js');
    npmInstall(folder, 'next', 'react', 'react-dom');
    configure(folder, 'next.config.js');
    for (const [name, ...flags] of [['Turbopack'], ['webpack', '--webpack']]) {
      rmSync(join(folder, '.next'), { recursive: true, force: true });
      bin(folder, 'next/dist/bin/next', 'build', ...flags);
      const away = programFolder(t, 'environment');
      cpSync(join(folder, '.next/standalone'), join(away, 'next'), { recursive: true });
      const facts = await ask(t, join(away, 'next'), 'server.js', '/api/notes');
      assert.deepEqual(facts, whole, name);
      record('Frameworks', `Next ${versionOf(folder, 'next')}, ${name}, standalone`, facts as Facts);
    }
  });

  test('Nitro: as it comes, and with the package inside', async t => {
    const folder = programFolder(t, 'nitro');
    copyApplication(folder, 'exercise.js');
    npmInstall(folder, 'nitropack@2', 'h3@1');
    for (const inside of [false, true]) {
      if (inside) configure(folder, 'nitro.config.js');
      bin(folder, 'nitropack/dist/cli/index.mjs', 'build');
      const away = programFolder(t, 'environment');
      cpSync(join(folder, '.output'), join(away, 'output'), { recursive: true });
      const facts = await ask(t, join(away, 'output'), 'server/index.mjs', '/notes');
      assert.deepEqual(facts, whole);
      const name = `Nitro ${versionOf(folder, 'nitropack')}, ${inside ? 'inside of the bundle' : 'outside'}`;
      record('Frameworks', name, facts as Facts);
    }
  });
});
