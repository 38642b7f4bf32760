// Runs the tests of the environments and writes docs/environments.md from the rows that they record: each test file by itself, so
// that one that fails or does not end leaves the others their time. A test that fails is named, and the page is not written.
// `--check` only runs them. `--rows FILE` keeps the rows there; with names of test files it runs those again (`frameworks`, or
// `none`), and takes the other rows from there.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const given = parseArgs({
  options: { rows: { type: 'string' }, check: { type: 'boolean', default: false } },
  allowPositionals: true,
});
const folder = mkdtempSync(join(tmpdir(), 'safe-sqlite-environments-'));
const kept = given.values.rows === undefined ? null : resolve(given.values.rows);
process.chdir(fileURLToPath(new URL('..', import.meta.url)));
// The order in which they run. The slowest comes first.
const groups = {
  frameworks: 'Frameworks',
  bundlers: 'Bundlers',
  installs: 'Installs',
  versions: 'Node',
  runners: 'Test runners',
  processes: 'Processes',
};
const onThePage = ['Bundlers', 'Frameworks', 'Installs', 'Node', 'Test runners', 'Processes'];

const rowsOf = file =>
  readFileSync(file, 'utf8')
    .split('\n')
    .filter(line => line !== '')
    .map(line => JSON.parse(line));
let rows = kept !== null && existsSync(kept) ? rowsOf(kept) : [];
const failed = [];
const wanted = given.positionals.length > 0 ? given.positionals : Object.keys(groups);
for (const name of wanted.filter(each => each !== 'none')) {
  if (!(name in groups)) throw new Error(`No tests of environments are called ${name}.`);
  const file = join(folder, `${name}.rows`);
  const failures = join(folder, `${name}.failures`);
  const env = { ...process.env, ENVIRONMENTS: '1', ENVIRONMENTS_FILE: file };
  const reporters = ['spec', './test/support/failed-tests.mts'].map(each => `--test-reporter=${each}`);
  const destinations = ['stdout', failures].map(each => `--test-reporter-destination=${each}`);
  // Each command in a test has its own limit; this one is for the file, whose tests run one after the other.
  const flags = ['--long', '--slow', `--test-timeout=${100 * 60_000}`, ...reporters, ...destinations];
  const run = spawnSync(process.execPath, ['scripts/test.mjs', ...flags, `test/consumers/${name}.test.mts`], {
    stdio: 'inherit',
    env,
  });
  const names = existsSync(failures) ? readFileSync(failures, 'utf8').split('\n').filter(Boolean) : [];
  failed.push(...names.map(test => `${name}: ${test}`));
  if (run.status !== 0 && names.length === 0) failed.push(`${name}: ended with ${run.status ?? run.signal}`);
  rows = [...rows.filter(row => row.group !== groups[name]), ...(existsSync(file) ? rowsOf(file) : [])];
  if (kept !== null) writeFileSync(kept, rows.map(row => `${JSON.stringify(row)}\n`).join(''));
}
rmSync(folder, { recursive: true });
for (const line of failed) console.error(`failed: ${line}`);
if (failed.length > 0 || given.values.check) process.exit(failed.length > 0 ? 1 : 0);

const tables = onThePage.map(group => {
  const recorded = rows.filter(row => row.group === group);
  if (recorded.length === 0) throw new Error(`No test has recorded a row of ${group}.`);
  const lines = recorded.map(({ environment, seen }) => `| ${environment} | ${seen} |`);
  return [`## ${group}`, '', '| environment | safe-sqlite |', '| --- | --- |', ...lines].join('\n');
});
const manifest = name => JSON.parse(readFileSync(`node_modules/${name}/package.json`, 'utf8')).version;
writeFileSync(
  'docs/environments.md',
  `# Environments

One small application runs in each of these: it opens a database, writes with \`run\` and \`db.write\`, checkpoints, backs up,
verifies, asks the doctor and closes. "threads" means that checkpoints, backups and checks ran in threads of their own;
"doctor", that its process looked. The same application on better-sqlite3 alone is the control.

Written by \`npm run environments:page\` from the tests in \`test/consumers\`, with better-sqlite3
${manifest('better-sqlite3')} and Node ${process.versions.node} on ${process.platform} ${process.arch}. [Bundlers](bundlers.md) has the configurations.

${tables.join('\n\n')}

## Tests on other versions of Node

The suite runs on the Node of the devDependencies. On Node 22.15.0 \`test/open\` and \`test/filesystem/permission-model\` ran
(three of the files bundled first, see \`scripts/lower-syntax.mjs\`), and on Node 26.12.1 \`test/sentinel\`, \`test/backup\` and
\`test/writes\`; all passed. \`.github/workflows\` has the whole suite on 22, 24 and 26; it has not run yet.

## Windows

\`npm run test:windows\` runs the suite on the node.exe of Windows under Wine 10, with better-sqlite3's own binary for Windows:
168 test files with some 2 840 tests: open, write queue, checkpoints, backup, restore, process guard, command line, drop-in. Some
150 are skipped there. Folder by folder it took two hours on a machine with two cores that had much else to do.
\`--short\` is the part that each CI run has: each service once, the drop-in, the names (six minutes on a busy machine with two
cores, 80 seconds of them on a processor). With paths it runs those files. It needs root on Debian x64, downloads Wine and
node.exe once, keeps them in \`~/.cache/safe-sqlite/windows\`, and says why where it cannot. \`scripts/windows-tests.mjs\` names the
folders that are not in it, each with the reason; a test that is skipped there prints its own. No Windows machine has run it.

Tests of what only Windows has, in \`test/filesystem/windows\`:

- two names of one file: dots and spaces at the end, a dot at the end of a folder, letters, streams, devices
- shares, which are refused by their name before their server is asked
- who can write beside whom with a rollback journal, of which Windows deletes none that is open
- the doctor on an open and on a closed database; a \`C:\\proc\`, which is no \`/proc\`

What Wine cannot show:

- what NTFS or ReFS keep after a power cut, and whether FlushFileBuffers reaches the disk: below Wine is a filesystem of Linux
- the filesystem of a drive (\`fsutil\` of Wine tells none: each drive is unknown there, allowed and warned of), \`subst\`, WSL, and
  the answer of a server: a share is a folder of Linux there
- the commands that the doctor names for the storage and the search (\`wevtutil\`, \`chkdsk\`, \`fsutil\`, \`where.exe\`), which do nothing
  there; \`dir\`, \`copy\`, \`move\` and \`del\` are run
- symbolic links and junctions, and with them \`safe-sqlite/register\` in a linked package; short names
- rights (ACLs), other users, services, sessions; Ctrl-C in a console
- virus scanners and indexers, which open files for a moment
- what is open: Wine keeps a closed file open while a lock is on it, and is out of descriptors where a loop looks at a file some
  ten thousand times; birth times, for which it gives those of the last change, so that backups in a folder have no known database
- memory-mapped files beside writes, and the exact order of locks under load
- times: a process starts some fifty times slower. A reader that is left in its loop may take longer than the 100 ms after which
  its process is ended; its test then says so

## macOS

No Mac has run it. The parser of \`/sbin/mount\` and the decisions are tested with recorded texts, on Linux. The commands
that the doctor names there for the storage (\`log\`, \`diskutil\`) come from Apple's manual pages, and were not run.

Known from the sources of SQLite and of Apple: locks are fcntl locks as on Linux; \`fullfsync\` and \`checkpoint_fullfsync\` are set
and read back; a rollback journal is truncated in place of being deleted, because F_FULLFSYNC does not reach the folder.

macOS has no \`/proc\`, and with it no answer to these questions, which the library does not ask in another way:

- **who has the file open**. A process in WAL mode, or in the middle of a transaction, holds locks and is noticed; one that is idle in
  rollback mode is not, and a restore or a backup over its file would replace it. Stop the program first, and look:
  \`lsof -- app.db app.db-wal app.db-shm\` names each process (as root, those of other users too). The doctor names no process.
- **which descriptors this process has on it**: the sentinel sees that files are replaced, deleted or changed, and not that a
  descriptor was closed and its locks are gone. The process guard, which refuses such calls, works there.
- **why a write is refused** beyond the mode: \`chflags uappnd\` and \`uchg\` (\`ls -lO\` shows them, \`chflags nouappnd,nouchg\` takes
  them away) show in the first write that fails.

## Other architectures

\`npm run test:arm64\` runs the drop-in and a few more on the Node of arm64 under qemu-user.
`,
);
spawnSync(process.execPath, [
  'node_modules/prettier/bin/prettier.cjs',
  '--write',
  '--log-level=warn',
  'docs/environments.md',
]);
