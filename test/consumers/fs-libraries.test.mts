/** Runs the process guard beside libraries that copy, wrap, replace or stub `fs`, after a real npm install. */
import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { copyOfProgram, node, npmInstall, registrySkip } from './program.mts';

const refused = 'SAFE_SQLITE_COPY_CONFLICT';

describe('the process guard beside libraries for fs, after a real npm install', { skip: registrySkip }, () => {
  let folder = '';
  before(() => {
    folder = copyOfProgram('fs-libraries');
    npmInstall(folder);
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  const run = (...args: string[]): unknown => JSON.parse(node(folder, '--no-warnings', ...args));

  for (const library of ['graceful-fs', 'fs-extra']) {
    for (const order of ['before', 'behind']) {
      test(`${library}, loaded ${order} the open`, () => {
        assert.deepEqual(run('copies.cjs', library, order), { refused: [refused], other: 'other', afterwards: 'done' });
      });
    }
  }

  test('mock-fs and memfs', () => {
    assert.deepEqual(run('mocked.cjs'), ['in memory', 'mocked', 3, false]);
  });

  test('proxyquire', () => {
    assert.deepEqual(run('stubbed.cjs'), ['stub', 'again', refused, 1]);
  });

  test('every import of fs, fs/promises and its namespace, and globs', () => {
    assert.deepEqual(run('imported.mjs'), { codes: [refused], found: [3, 3, 3] });
  });
});
