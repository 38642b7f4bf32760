/** Tests the services under `node --permission` by the flags given, and follows the flags that the errors name. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, realpathSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import { root } from '../../scripts/pack.mjs';

const program = `
const { openDatabase, verifyDatabase, restoreDatabase, diagnose } = require(${JSON.stringify(root)});
const at = name => require('node:path').join(process.argv[1], name);
(async () => {
  const db = openDatabase(at('a.db'), { logger: false });
  db.exec('CREATE TABLE t (x)');
  const seen = {};
  seen.written = await db.write(() => db.prepare('INSERT INTO t VALUES (1)').run().changes);
  seen.checkpoint = (await db.checkpoint()).complete;
  seen.backup = (await db.backup(at('b.db'))).verified;
  db.exec("VACUUM INTO '" + at('d.db') + "'");
  seen.verified = (await verifyDatabase(at('b.db'))).ok;
  seen.restored = (await restoreDatabase({ from: at('b.db'), to: at('c.db') })).verified;
  seen.doctor = await diagnose(at('a.db')).then(() => true, ({ name, hint }) => name + ': ' + hint);
  seen.threads = db.health().jobs.obstacle ?? true;
  db.close();
  return seen;
})().then(
  seen => console.log(JSON.stringify(seen)),
  ({ name, message, hint }) => console.log(JSON.stringify({ name, message, hint })),
);`;

function folderOf(t: TestContext): string {
  const folder = mkdtempSync(join(realpathSync(tmpdir()), 'safe-sqlite-permission-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

function run(folder: string, script: string, ...flags: string[]): { stdout: string; stderr: string } {
  const args = ['--permission', '--allow-addons', '--no-warnings', ...flags, '-e', script, folder];
  return spawnSync(process.execPath, args, { encoding: 'utf8' });
}

function seenWith(folder: string, ...flags: string[]): Record<string, unknown> {
  const { stdout, stderr } = run(folder, program, ...flags);
  assert.notEqual(stdout, '', stderr);
  return JSON.parse(stdout) as Record<string, unknown>;
}

const whole = {
  written: 1,
  checkpoint: true,
  backup: 'quick',
  verified: true,
  restored: 'full',
};
const withoutDoctor = /^MaintenanceError: Start Node with --allow-child-process;/;
const withoutThreads = /Node's permission model allows no worker threads\. To mend it, start Node with --allow-worker;/;

describe('node --permission', () => {
  test('the hazard: fsync, fchmod and fchown by descriptor are refused, whatever may be written', t => {
    const folder = folderOf(t);
    const script = `const fs = require('node:fs');
      const fd = fs.openSync(process.argv[1] + '/x', 'w');
      const calls = { fsync: () => fs.fsyncSync(fd), fchmod: () => fs.fchmodSync(fd, 0o600), fchown: () => fs.fchownSync(fd, 0, 0) };
      for (const [name, call] of Object.entries(calls))
        try { call(); } catch ({ code }) { console.log(name, code); }`;
    const { stdout } = run(folder, script, '--allow-fs-read=*', '--allow-fs-write=*');
    const refused = stdout.trim().split('\n');
    assert.deepEqual(refused.slice(-2), ['fchmod ERR_ACCESS_DENIED', 'fchown ERR_ACCESS_DENIED']);
    // Node 22.15 allows it still, 22.23 does not.
    if (!process.version.startsWith('v22.')) assert.equal(refused[0], 'fsync ERR_ACCESS_DENIED');
  });

  test('its own folder, and nothing else: all but the doctor, on the event loop', t => {
    const folder = folderOf(t);
    const reads = [`--allow-fs-read=${root}`, `--allow-fs-read=${folder}`];
    const { doctor, threads, ...seen } = seenWith(folder, ...reads, `--allow-fs-write=${folder}`);
    assert.deepEqual(seen, whole);
    assert.match(String(doctor), withoutDoctor);
    assert.match(String(threads), withoutThreads);
    // As private as without the permission model, in a folder that others may read.
    const mode = (name: string) => statSync(join(folder, name)).mode & 0o777;
    assert.equal(mode('b.db'), mode('a.db'));
    assert.equal(mode('d.db'), mode('a.db'));
  });

  test('every flag that the messages name: everything', t => {
    const folder = folderOf(t);
    const flags = ['--allow-fs-read=*', `--allow-fs-write=${folder}`, '--allow-worker', '--allow-child-process'];
    const { doctor, threads, ...seen } = seenWith(folder, ...flags);
    assert.deepEqual({ ...seen, doctor, threads }, { ...whole, doctor: true, threads: true });
  });

  test('a folder that it may not read: the error names folder and flags, and they mend it', t => {
    const folder = folderOf(t);
    const { name, message, hint } = seenWith(folder, `--allow-fs-read=${root}`) as Record<string, string>;
    assert.deepEqual(
      [name, message],
      ['InvalidOptionError', `Node's permission model does not let this process read ${folder}.`],
    );
    const advised = hint?.match(/--allow-fs-\w+=[^\s;]+/g)?.slice(0, 2) ?? [];
    assert.deepEqual(advised, [`--allow-fs-read=${folder}`, `--allow-fs-write=${folder}`]);
    const { doctor, threads, ...seen } = seenWith(folder, `--allow-fs-read=${root}`, ...advised);
    assert.deepEqual(seen, whole);
    assert.ok(doctor !== true && threads !== true);
  });
});
