import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, rmSync } from 'node:fs';
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
    npmInstall(folder);
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  /** Only the program: a package of Node has 50 MB, and unpacked, with the headers of the addons, 180. */
  function programOf(version: string): string {
    const at = join(folder, 'versions', version);
    const program = join(at, 'package/bin/node');
    if (existsSync(program)) return program;
    mkdirSync(at, { recursive: true });
    const name = `node-${process.platform}-${process.arch}@${version}`;
    const flags = ['--silent', '--prefer-offline', `--pack-destination=${at}`];
    const packed = execFileSync('npm', ['pack', ...flags, name], { cwd: folder, encoding: 'utf8' });
    const archive = join(at, packed.trim().split('\n').at(-1) ?? '');
    execFileSync('tar', ['-xzf', archive, '-C', at, 'package/bin/node']);
    rmSync(archive);
    return program;
  }

  function run(version: string, ...args: string[]): { status: number | null; stdout: string; stderr: string } {
    return spawnSync(programOf(version), args, { cwd: folder, encoding: 'utf8' });
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

      const program = programOf(version);
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
