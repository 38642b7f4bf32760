// Two files of tests with the library in each test runner: real and fake timers, modules loaded again, databases left open.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { copyFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { record, versionOf } from './environment.mts';
import { copyOfProgram, npmInstall, registrySkip } from './program.mts';

describe('test runners, after a real npm install', { skip: registrySkip }, () => {
  let folder = '';
  before(() => {
    folder = copyOfProgram('runners');
    npmInstall(folder, 'vitest', 'jest@30', 'jest-environment-jsdom@30', 'mocha');
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  /** Runs `node …args` over two copies of a file; it must end by itself, which a spinning `exit` listener never lets it. */
  function run(body: string, names: readonly [string, string], ...args: string[]): string {
    for (const name of names) copyFileSync(join(folder, body), join(folder, name));
    const done = spawnSync(process.execPath, args, {
      cwd: folder,
      encoding: 'utf8',
      timeout: 180_000,
      killSignal: 'SIGKILL',
      env: { ...process.env, NODE_TEST_CONTEXT: undefined, NO_COLOR: '1', FORCE_COLOR: undefined },
    });
    for (const name of names) rmSync(join(folder, name));
    assert.equal(done.status, 0, `${done.stdout}\n${done.stderr}`);
    return done.stdout + done.stderr;
  }

  for (const pool of ['threads', 'forks', 'vmThreads', 'vmForks']) {
    test(`Vitest, ${pool}, two files in one worker`, () => {
      const config = `export default { test: { pool: '${pool}', maxWorkers: 1, isolate: true, testTimeout: 60000 } };`;
      writeFileSync(join(folder, 'vitest.config.mjs'), config);
      const names = ['first.test.mjs', 'second.test.mjs'] as const;
      const said = run('vitest.body.mjs', names, 'node_modules/vitest/vitest.mjs', 'run');
      assert.match(said, /Tests {2}6 passed/);
      record('Test runners', `Vitest ${versionOf(folder, 'vitest')}, ${pool}`, 'real and fake timers');
    });
  }

  for (const [environment, flags] of [
    ['node', []],
    ['jsdom', ['--env=jsdom']],
    ['node, detectOpenHandles', ['--detectOpenHandles']],
  ] as const) {
    test(`Jest, ${environment}`, () => {
      const jest = ['node_modules/jest/bin/jest.js', '--ci', '--runInBand', '--testTimeout=60000', ...flags];
      const said = run('jest.body.js', ['first.test.js', 'second.test.js'], ...jest);
      assert.match(said, /Tests: +8 passed, 8 total/);
      assert.doesNotMatch(said, /open handle|did not exit/);
      record('Test runners', `Jest ${versionOf(folder, 'jest')}, ${environment}`, 'real and fake timers, resetModules');
    });
  }

  test('node:test', () => {
    const names = ['first.test.mjs', 'second.test.mjs'] as const;
    assert.match(run('node.body.mjs', names, '--test', '--test-reporter=tap', ...names), /# pass 6/);
    record('Test runners', `node:test of Node ${process.versions.node}`, 'real and fake timers');
  });

  test('mocha', () => {
    const names = ['first.spec.cjs', 'second.spec.cjs'] as const;
    assert.match(run('mocha.body.cjs', names, 'node_modules/mocha/bin/mocha.js', ...names), /4 passing/);
    record('Test runners', `mocha ${versionOf(folder, 'mocha')}`, 'real timers');
  });
});
