// Writes docs/environments.md from what the tests of the environments see: it runs them, and each records its row.
// With `--rows FILE` it writes the page from rows that were recorded before (ENVIRONMENTS_FILE=FILE).
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

process.chdir(fileURLToPath(new URL('..', import.meta.url)));
const files = ['bundlers', 'frameworks', 'installs', 'versions', 'runners', 'processes'];
const tests = files.map(name => `test/consumers/${name}.test.mts`);
// The order on the page; the test files run beside each other.
const order = ['Bundlers', 'Frameworks', 'Installs', 'Node', 'Test runners', 'Processes'];
const given = process.argv.indexOf('--rows');
const folder = mkdtempSync(join(tmpdir(), 'safe-sqlite-environments-'));
const file = given === -1 ? join(folder, 'rows') : process.argv[given + 1];
if (given === -1) {
  const env = { ...process.env, ENVIRONMENTS: '1', ENVIRONMENTS_FILE: file };
  const run = spawnSync(process.execPath, ['scripts/test.mjs', '--long', '--slow', ...tests], {
    stdio: 'inherit',
    env,
  });
  if (run.status !== 0) process.exit(run.status ?? 1);
}
const rows = readFileSync(file, 'utf8')
  .trim()
  .split('\n')
  .map(line => JSON.parse(line));
rmSync(folder, { recursive: true });

const tables = order.map(group => {
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

## Windows

\`npm run test:windows\` runs the suite on the node.exe of Windows under Wine 10, with better-sqlite3's own binary for Windows:
open, write queue, checkpoints, backup, restore, process guard, command line and drop-in. It takes hours. \`--short\` is the
part that each CI run has: each service once, the drop-in, the names (six minutes on a busy machine with two cores, 80 seconds
of them on a processor). With paths it runs those files. It needs root on Debian x64, downloads Wine and node.exe once, keeps them in
\`~/.cache/safe-sqlite/windows\`, and says why where it cannot. \`scripts/windows-tests.mjs\` names the folders that are not in
it, each with the reason. No Windows machine has run it.

What Wine cannot show:

- what NTFS or ReFS keep after a power cut, and whether FlushFileBuffers reaches the disk: below Wine is a filesystem of Linux
- the filesystem of a drive (Wine has no \`fsutil\`: each drive is unknown there, allowed and warned of), shares, \`subst\`, WSL
- symbolic links, junctions, streams, device names and short names, which Wine imitates or takes for ordinary names
- rights (ACLs), other users, services, sessions
- virus scanners and indexers, which open files for a moment
- what is open: Wine keeps a closed file open while a lock is on it; birth times, for which it gives those of the last change
- memory-mapped files beside writes, and the exact order of locks under load
- times: a process starts some fifty times slower

## macOS

No Mac has run it. The parser of \`/sbin/mount\` and the decisions are tested with recorded texts, on Linux.

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
