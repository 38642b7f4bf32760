// Two files of tests with the library in each test runner: real and fake timers, modules loaded again, databases left open.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { endsByItself, record, versionOf } from './environment.mts';
import { copyOfProgram, npmInstall, registrySkip } from './program.mts';

describe('test runners, after a real npm install', { skip: registrySkip }, () => {
  let folder = '';
  // For what a file of tests leaves open: a runner that ends its processes keeps them from removing it.
  let temporary = '';
  before(() => {
    folder = copyOfProgram('runners');
    temporary = mkdtempSync(join(tmpdir(), 'safe-sqlite-runners-'));
    npmInstall(folder, 'vitest', 'jest@30', 'jest-environment-jsdom@30', 'mocha');
  });
  after(() => {
    for (const left of [folder, temporary]) rmSync(left, { recursive: true, force: true });
  });

  /** Runs `node …args` over two copies of a file; it must end by itself, which a spinning `exit` listener never lets it. */
  async function run(body: string, names: readonly [string, string], ...args: string[]): Promise<string> {
    for (const name of names) copyFileSync(join(folder, body), join(folder, name));
    const said = await endsByItself(folder, args, 120_000, { TMPDIR: temporary });
    for (const name of names) rmSync(join(folder, name));
    return said;
  }

  for (const pool of ['threads', 'forks', 'vmThreads', 'vmForks']) {
    test(`Vitest, ${pool}, two files in one worker`, async () => {
      const config = `export default { test: { pool: '${pool}', maxWorkers: 1, isolate: true, testTimeout: 60000 } };`;
      writeFileSync(join(folder, 'vitest.config.mjs'), config);
      const names = ['first.test.mjs', 'second.test.mjs'] as const;
      const said = await run('vitest.body.mjs', names, 'node_modules/vitest/vitest.mjs', 'run');
      assert.match(said, /Tests {2}6 passed/);
      record('Test runners', `Vitest ${versionOf(folder, 'vitest')}, ${pool}`, 'real and fake timers');
    });
  }

  for (const [environment, flags] of [
    ['node', []],
    ['jsdom', ['--env=jsdom']],
    ['node, detectOpenHandles', ['--detectOpenHandles']],
  ] as const) {
    test(`Jest, ${environment}`, async () => {
      const jest = ['node_modules/jest/bin/jest.js', '--ci', '--runInBand', '--testTimeout=60000', ...flags];
      const said = await run('jest.body.js', ['first.test.js', 'second.test.js'], ...jest);
      assert.match(said, /Tests: +8 passed, 8 total/);
      assert.doesNotMatch(said, /open handle|did not exit/);
      record('Test runners', `Jest ${versionOf(folder, 'jest')}, ${environment}`, 'real and fake timers, resetModules');
    });
  }

  test('Jest, databases that are left open with work to do: nothing is loaded after the tests', async () => {
    const jest = ['node_modules/jest/bin/jest.js', '--ci', '--runInBand', '--testTimeout=60000'];
    const said = await run('jest.left.body.js', ['first.test.js', 'second.test.js'], ...jest);
    assert.match(said, /Tests: +2 passed, 2 total/);
    assert.doesNotMatch(said, /torn down|did not exit/);
  });

  test('node:test', async () => {
    const names = ['first.test.mjs', 'second.test.mjs'] as const;
    assert.match(await run('node.body.mjs', names, '--test', '--test-reporter=tap', ...names), /# pass 6/);
    record('Test runners', `node:test of Node ${process.versions.node}`, 'real and fake timers');
  });

  test('mocha', async () => {
    const names = ['first.spec.cjs', 'second.spec.cjs'] as const;
    assert.match(await run('mocha.body.cjs', names, 'node_modules/mocha/bin/mocha.js', ...names), /4 passing/);
    record('Test runners', `mocha ${versionOf(folder, 'mocha')}`, 'real timers');
  });
});

describe('a command that does not end', { skip: registrySkip }, () => {
  const spin = 'require("node:fs").writeSync(1, "begun "); for (;;) ;';

  test('is named with its processes, and nothing of it stays', async () => {
    const script = `const { spawn } = require('node:child_process'); spawn(process.execPath, ['-e', ${JSON.stringify(spin)}, 'grandchild'], { stdio: 'inherit' })`;
    const { message } = await endsByItself(tmpdir(), ['-e', script], 4000).then(
      () => assert.fail('it ended'),
      (error: Error) => error,
    );
    assert.match(message, /did not end within 4 s/);
    assert.match(message, /begun/);
    const pid = /(\d+) .*grandchild/.exec(message)?.[1] ?? assert.fail(message);
    while (isRunning(Number(pid))) await delay(10);
  });

  test('that leaves a child with its output behind, too', async () => {
    const script = `require('node:child_process').spawn(process.execPath, ['-e', ${JSON.stringify(spin)}, 'left'], { stdio: 'inherit' }).unref()`;
    await assert.rejects(endsByItself(tmpdir(), ['-e', script], 4000), /did not end within[\s\S]* left/);
  });
});

function isRunning(pid: number): boolean {
  const stat = spawnSync('ps', ['-o', 'stat=', '-p', String(pid)], { encoding: 'utf8' }).stdout.trim();
  return stat !== '' && !stat.startsWith('Z');
}
