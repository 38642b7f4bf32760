import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { constants, tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { compileC, whyNoCompiler } from '../support/compile-c.mts';

// https://sqlite.org/howtocorrupt.html 2.7: a connection must not be carried across fork(). Node has no such call, and
// child_process.fork starts a new program; native code may fork. V8 keeps its heap out of the child (MADV_DONTFORK), so
// that the first line of JavaScript there ends it: the connection cannot be used, and the locks stay with the parent.
describe('a connection across fork()', { skip: whyNoCompiler() ?? false }, () => {
  for (const subject of ['raw', 'ours'] as const) {
    test(`${subject}: the child cannot run JavaScript, and the parent keeps its transaction and its locks`, t => {
      const folder = mkdtempSync(join(tmpdir(), 'fork-'));
      t.after(() => rmSync(folder, { recursive: true, force: true }));
      const addon = join(folder, 'fork.node');
      copyFileSync(compileC({ sources: [join(import.meta.dirname, 'fork.c')], flags: ['-shared', '-fPIC'] }), addon);
      const program = join(import.meta.dirname, 'fork.scenario.mts');
      const run = spawnSync(process.execPath, [program, addon, join(folder, 'a.db'), subject], { encoding: 'utf8' });
      assert.equal(run.status, 0, run.stderr);
      assert.deepEqual(JSON.parse(run.stdout), {
        child: -constants.signals.SIGSEGV,
        keptOut: true,
        rows: [1, 3],
        integrity: 'ok',
      });
    });
  }
});
