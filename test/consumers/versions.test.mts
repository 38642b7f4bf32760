import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { copyApplication, record, runProgram, whole, type Facts } from './environment.mts';
import { copyOfProgram, npmInstall, registrySkip } from './program.mts';

// The oldest Node that is supported, the oldest with hooks for safe-sqlite/register, and each later line.
const versions = ['22.14.0', '22.15.0', '22', '24', '26'];
const hooksMissing = ['22.14.0'];
// Node-API 10 came with 22.14: better-sqlite3 13 ends an older one with a segmentation fault.
const tooOld = '22.13.1';

describe('versions of Node, after a real npm install', { skip: registrySkip }, () => {
  let folder = '';
  before(() => {
    folder = copyOfProgram('versions');
    copyApplication(folder, 'exercise.js', 'main.js', 'control.js', 'raw.js');
    const binary = `node-${process.platform}-${process.arch}`;
    npmInstall(folder, ...[tooOld, ...versions].map(version => `node-${version}@npm:${binary}@${version}`));
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  function run(version: string, ...args: string[]): { status: number | null; stdout: string; stderr: string } {
    return spawnSync(join(folder, 'node_modules', `node-${version}`, 'bin/node'), args, {
      cwd: folder,
      encoding: 'utf8',
    });
  }

  for (const version of versions) {
    test(`Node ${version}`, () => {
      const { status, stdout, stderr } = run(version, 'smoke.mjs');
      assert.equal(status, 0, stderr);
      const { node, ...facts } = JSON.parse(stdout) as { node: string };
      assert.ok(node.startsWith(`v${version}`));
      const expected = {
        sameConstructor: true,
        rows: 3,
        journalMode: 'wal',
        synchronous: 2,
        backup: 'verified',
        unique: 'SQLITE_CONSTRAINT_UNIQUE',
        closed: true,
      };
      assert.deepEqual(facts, expected);

      const program = join(folder, 'node_modules', `node-${version}`, 'bin/node');
      const whatItDoes = runProgram(folder, program, ['main.js']);
      assert.deepEqual([whatItDoes, runProgram(folder, program, ['raw.js'])], [whole, { rows: 1 }]);
      record('Node', `Node ${node.slice(1)}`, whatItDoes as Facts);

      const registered = run(version, '--import', 'safe-sqlite/register', 'redirected.mjs');
      if (hooksMissing.includes(version)) {
        assert.equal(registered.status, 1);
        assert.match(registered.stderr, /safe-sqlite\/register needs Node 22\.15 or newer/);
      } else {
        assert.equal(registered.stdout, 'true true\n', registered.stderr);
      }
    });
  }

  test(`Node ${tooOld} gets an error instead of crashing`, () => {
    const raw = run(tooOld, '-e', `new (require('better-sqlite3'))(':memory:')`);
    assert.notEqual(raw.status, 0);
    const { status, stderr } = run(tooOld, 'smoke.mjs');
    assert.equal(status, 1);
    assert.match(stderr, /better-sqlite3 13 needs Node 22\.14 or newer/);
  });
});
