import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { describe, test } from 'node:test';

const path = createRequire(import.meta.url).resolve('../../dist/base/at-exit.js');

function run(body: string): string[] {
  const program = `const { atExit } = require(${JSON.stringify(path)}); const say = word => () => console.log(word); ${body}`;
  const { stdout, stderr, status } = spawnSync(process.execPath, ['-e', program], { encoding: 'utf8' });
  assert.equal(status, 0, stderr);
  return stdout.split('\n').filter(line => line !== '');
}

describe('atExit', () => {
  test('runs behind listeners that were added before and after', () => {
    const body = `process.on('exit', say('before')); atExit(say('task')); process.on('exit', say('after'));`;
    assert.deepEqual(run(body), ['before', 'after', 'task']);
  });

  test('runs all tasks in their order, through one listener, also when one fails', () => {
    const body = `
      for (let i = 0; i < 20; i++) atExit(() => {});
      atExit(say('first')); atExit(() => { throw new Error('no') }); atExit(say('second'));
      console.log(process.listenerCount('exit'));`;
    assert.deepEqual(run(body), ['1', 'first', 'second']);
  });

  test('forgets a task that is taken back', () => {
    assert.deepEqual(run(`atExit(say('stays')); atExit(say('goes'))();`), ['stays']);
  });

  test('leaves a listener alone that is added in the turn of process.exit()', () => {
    assert.deepEqual(run(`atExit(say('task')); process.on('exit', say('late')); process.exit(0);`), ['late']);
  });
});
