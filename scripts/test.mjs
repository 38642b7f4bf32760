// The test command: every *.test.mts below test/ (or below the paths given), in one run of Node's test runner. Without a
// path, what `npm run test:system` and `npm run test:consumers` run is left out, and two files that `npm run test:fuzz` runs.
// `--long` runs also what needs the npm registry, `--windows` only what says something about Windows; `--slow` lets the run
// take hours, as under Wine. `--leftovers` gives the run a folder of its own for temporary files, and fails if a file of this
// project is left there.
import { spawnSync } from 'node:child_process';
import { chmodSync, globSync, mkdtempSync, readdirSync, realpathSync, rmSync, statSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { windowsTests } from './windows-tests.mjs';

process.chdir(fileURLToPath(new URL('..', import.meta.url)));
const wanted = process.argv.slice(2).filter(argument => !argument.startsWith('--'));
const own = ['--long', '--windows', '--slow', '--leftovers'];
const flags = process.argv.slice(2).filter(argument => argument.startsWith('--') && !own.includes(argument));
// These break disks, mount filesystems and boot kernels; they take minutes, and most of them need root.
const systemTests = ['test/cli/states', 'test/faults/', 'test/kills/', 'test/mounts/', 'test/power/', 'test/soak/'];
// Each of them tries every member of a large table, which takes a minute even in its short form.
const largeTables = ['test/security/irregular.', 'test/sentinel/changed-underneath.'];
// They pack the package, and install it into applications.
const applications = ['test/consumers/'];
const leftOut = [...systemTests, ...largeTables, ...applications];
const roots = wanted.length > 0 ? wanted : ['test'];
const onWindows = process.argv.includes('--windows') ? windowsTests({ short: false }) : null;
const files =
  onWindows ??
  roots
    .flatMap(root => (statSync(root).isDirectory() ? globSync(`${root}/**/*.test.mts`) : [root]))
    .filter(file => wanted.length > 0 || !leftOut.some(beginning => file.startsWith(beginning)))
    .toSorted();
if (files.length === 0) {
  console.error(`No test file below ${roots.join(', ')}.`);
  process.exit(1);
}
const slow = process.argv.includes('--slow');
const isAmong = beginnings => files.some(file => beginnings.some(beginning => file.startsWith(beginning)));
// Half of its time a test waits, for a lock, a timer, a process: other files run meanwhile. Disks, mounts and users of a system
// test belong to one file at a time, and its neighbour.
const concurrency = slow || isAmong(systemTests) ? 2 : 2 * availableParallelism();
// A test starts many processes of the same modules, and each would strip their types and compile them anew. Applications run as
// their users run them, and what kills at a system call counts those calls.
const compiled =
  slow || isAmong([...systemTests, ...applications]) ? null : mkdtempSync(join(tmpdir(), 'node-compile-cache-'));
const runnerFlags = [
  // A process warning in a test run is a failure: the library must not cause one.
  '--throw-deprecation',
  '--test',
  `--test-concurrency=${concurrency}`,
  `--test-timeout=${(slow ? 30 : 8) * 60_000}`,
  `--import=${new URL('../test/support/file-deadline.mts', import.meta.url)}`,
];
const temporary = process.argv.includes('--leftovers')
  ? realpathSync(mkdtempSync(join(tmpdir(), 'safe-sqlite-run-')))
  : null;
// As /tmp: tests act as other users in it.
if (temporary !== null) chmodSync(temporary, 0o1777);
const lowered = Number(process.versions.node.split('.')[0]) < 24 && new URL('lower-syntax.mjs', import.meta.url).href;
const run = spawnSync(process.execPath, [...runnerFlags, ...flags, ...files], {
  stdio: 'inherit',
  env: {
    ...process.env,
    ...(temporary === null ? {} : { TMPDIR: temporary, TEST_CACHE: process.env['TEST_CACHE'] ?? tmpdir() }),
    ...(process.argv.includes('--long') ? { LONG_TESTS: '1' } : {}),
    ...(slow ? { SLOW_TESTS: '1' } : {}),
    ...(compiled === null ? {} : { NODE_COMPILE_CACHE: compiled }),
    ...(lowered === false ? {} : { NODE_OPTIONS: `${process.env.NODE_OPTIONS ?? ''} --import=${lowered}` }),
  },
  // The runner then names the files that were still running: one that blocks its event loop has no other end.
  timeout: (slow ? 300 : 30) * 60_000,
});
if (run.error) console.error(run.error.message);
if (compiled !== null) rmSync(compiled, { recursive: true, force: true, maxRetries: 3 });
if (temporary === null) process.exit(run.status ?? 1);
// What Node and npm leave there is theirs.
const left = readdirSync(temporary).filter(name => /^\.?safe-sqlite|rescued-|set-aside-/.test(name));
for (const name of left) console.error(`A test has left ${name} in the folder for temporary files.`);
rmSync(temporary, { recursive: true, force: true, maxRetries: 3 });
process.exit(run.status === 0 && left.length > 0 ? 1 : (run.status ?? 1));
