/** Tests the layers between Node and the kernel: libraries that switch fsync off, sandboxes, emulated architectures. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { constants, copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { libraryIn } from '../../../dist/filesystem/linux/preloaded.js';
import { flagBetween, openerOf } from '../../../dist/proc/foreign-descriptors.js';
import { root } from '../../../scripts/pack.mjs';
import { compileC, whyNoCompiler } from '../../support/compile-c.mts';

const cases = [
  [
    '7f0-7f1 r-xp 0 08:01 1 /usr/lib/x86_64-linux-gnu/libeatmydata.so.1.3.0',
    '/usr/lib/x86_64-linux-gnu/libeatmydata.so.1.3.0',
  ],
  ['7f0-7f1 r-xp 0 08:01 1 /opt/libnosync.so', '/opt/libnosync.so'],
  ['7f0-7f1 r-xp 0 08:01 1 /usr/lib/libfsync-tools.so', null],
  ['7f0-7f1 r-xp 0 08:01 1 /home/eatmydata/libc.so.6', null],
  ['', null],
] as const;
for (const [maps, expected] of cases) test(`${maps}: ${expected}`, () => assert.equal(libraryIn(maps), expected));

const why = whyNoCompiler() ?? false;

/** What a process of this Node says about a new database, with a library of these C functions loaded in front of libc. */
function seenWith(t: TestContext, name: string, functions: string | null): unknown {
  const folder = mkdtempSync(join('/var/tmp', 'safe-sqlite-preloaded-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const env = { ...process.env };
  if (functions !== null) {
    const source = join(folder, `${name}.c`);
    writeFileSync(source, functions);
    copyFileSync(compileC({ sources: [source], flags: ['-shared', '-fPIC'] }), join(folder, `${name}.so`));
    env['LD_PRELOAD'] = join(folder, `${name}.so`);
  }
  const script = `const db = require(${JSON.stringify(root)}).openDatabase(process.argv[1], { logger: false });
    db.exec('CREATE TABLE t (a); INSERT INTO t VALUES (1)');
    const { durable, warnings, evidence } = db.plan.filesystem;
    const off = warnings.some(({ code }) => code === 'syncs-switched-off');
    console.log(JSON.stringify({ off, durable, asked: evidence.statfsType !== null, mode: db.plan.journalMode }));
    db.close();`;
  const run = spawnSync(process.execPath, ['-e', script, join(folder, 'a.db')], { encoding: 'utf8', env });
  assert.equal(run.status, 0, run.stderr);
  return JSON.parse(run.stdout);
}

test('fsync preloaded away: not durable, and a warning at open; without it neither', { skip: why }, t => {
  const ordinary = seenWith(t, 'none', null) as { durable: boolean };
  assert.deepEqual(ordinary, { off: false, durable: ordinary.durable, asked: true, mode: 'wal' });
  const eat = 'int fsync(int fd) { return fd < 0; }\nint fdatasync(int fd) { return fd < 0; }\n';
  assert.deepEqual(seenWith(t, 'libeatmydata', eat), { off: true, durable: false, asked: true, mode: 'wal' });
  assert.deepEqual(seenWith(t, 'libother', eat), ordinary, 'it is known by its name');
});

test('a sandbox that allows no statfs: the mount table decides', { skip: why }, t => {
  const denied =
    '#include <errno.h>\nint statfs(const char *p, void *b) { (void)p; (void)b; errno = EPERM; return -1; }\nint statfs64(const char *p, void *b) { return statfs(p, b); }\n';
  const ordinary = seenWith(t, 'none', null) as object;
  assert.deepEqual(seenWith(t, 'denied', denied), { ...ordinary, asked: false });
});

test('the bit of fdinfo in which two opens differ', () => {
  // x64, arm64, and arm64 emulated on x64: fdinfo shows the bits of the host.
  assert.equal(flagBetween(0o2700000, 0o2300000), 0o400000);
  assert.equal(flagBetween(0o2140000, 0o2040000), 0o100000);
  for (const [flags, without] of [
    [null, 0],
    [0, null],
    [0o2300000, 0o2300000],
    [0o600000, 0],
  ] as const) {
    assert.equal(flagBetween(flags, without), null);
  }
  assert.equal(openerOf(constants.O_RDWR | constants.O_NOFOLLOW), 'sqlite');
  assert.equal(openerOf(constants.O_RDWR), 'plain');
});
