// Writes docs/filesystems.md from the catalogue in dist/filesystem: one row for each row. A test compares the two.
import { writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { format, resolveConfig } from 'prettier';

const require = createRequire(import.meta.url);
const { linuxFilesystems } = require('../dist/filesystem/catalogue/catalogue.js');
const { darwinFilesystems } = require('../dist/filesystem/catalogue/darwin.js');
const { versionBugs } = require('../dist/policy/sqlite-versions.js');

const head = `
# Filesystems

<!-- Written by scripts/filesystems-page.mjs from the tables in src/filesystem and src/policy. Change those, then run the script. -->

SQLite trusts the filesystem: that a lock keeps every other opener out, that memory mapped by two openers is the same
memory, that fsync returns after the data is on stable storage. Where one of these does not hold, rows are lost without
an error. This library therefore checks the filesystem before SQLite touches the file, and decides:

| verdict     | what happens                                                                                                             |
| ----------- | ------------------------------------------------------------------------------------------------------------------------ |
| \`wal\`       | WAL with \`synchronous=FULL\` (\`EXTRA\` with \`durability: 'extra'\`).                                                        |
| \`rollback\`  | A rollback journal, \`journal_mode=DELETE\` with \`synchronous=EXTRA\`. \`journalMode: 'wal'\` is refused there.               |
| \`read-only\` | Opens with \`readonly: true\`; anything else is refused.                                                                   |
| \`refuse\`    | \`UnsafeFilesystemError\`, before the file is touched. Its \`details.filesystem\` is the whole report.                       |

\`inspectFilesystem(path)\` gives the report for any path; \`db.plan.filesystem\` the one that an open was decided on. Both
show the evidence: the rows of the mount table, the \`f_type\` of statfs(2), the device, and the rule that decided.

## A WAL database on ground that cannot be written

SQLite reads a database in WAL format only with a \`-shm\`, and makes one for a reader too. On a read-only mount, image or
snapshot whose sidecars were not copied with it, better-sqlite3 says \`SQLITE_CANTOPEN\` and no more. The open here,
\`verify\` and the doctor name the reason and the two ways that work: copy the file to a folder that can be written and open
the copy, or run \`PRAGMA journal_mode=DELETE\` where the original can be written, before it is published.

With the sidecars of a writer beside it, it is read there as by better-sqlite3. Sidecars that belong to another user are
read as far as the rights go; the error of a write names each file, its owner, and the \`chown\` that gives it to the user of
the database.

## Why DELETE with EXTRA

With \`FULL\`, SQLite does not sync the folder after it deleted the journal. After a power cut the journal can be there
again, and the next opener rolls the commit back. \`EXTRA\` syncs the folder. On Windows and macOS it does not, or not durably:
there the mode is [TRUNCATE](journal-modes.md).

## Network, cluster and shared mounts

They are refused for reading too: without locks that reach the writer, a reader can see half of a commit.
If one process on one machine is really all that ever opens the file, say so:

\`\`\`js
new Database('/mnt/nas/app.db', {
  dangerously: { allowNetworkFilesystem: 'only this service opens it; the deployment runs one replica' },
});
\`\`\`

It opens with a rollback journal, and every open emits a \`warning\` event that quotes the sentence. No probe can prove such
a mount safe: through one mount locks, mmap and WAL work, and a second machine that does the same at the same time is not
seen. [network-mounts.md](network-mounts.md) shows what SQLite does there.

A database in WAL format on a mount that cannot map the \`-shm\` file cannot be read or converted there: copy it with its
\`-wal\` to a local disk, and open it there with \`journalMode: 'rollback'\`; after \`close()\` it is one file in rollback mode, which
may be copied back.

## Ground that loses commits

These open, with a \`warning\` event and \`durable: false\` in the report:

- \`syncs-switched-off\`: libeatmydata or a library like it is loaded into the process
- \`nested-filesystem\`: the upper folder of an overlay, or the file behind a loop device, stands on one of these
- \`non-durable-filesystem\`: tmpfs, ramfs, a disk made of memory (zram, ram)
- \`container-layer\`: the root overlay of a container
- \`pod-lifetime\`: an emptyDir of Kubernetes
- \`volatile-overlay\`: an overlay mounted with \`volatile\`
- \`no-write-barrier\`: \`nobarrier\`, \`barrier=0\`, \`fsync_mode=nobarrier\`, also where only the superblock says so
- \`no-journal\`: ext4 without its journal

A process in which \`fsync\` does nothing, under libeatmydata or a seccomp filter that suppresses it, has the warning
\`non-durable-sync\` at each open for writing, and \`health()\` is \`degraded\`: no level of \`synchronous\` helps against it.

Other warnings leave \`durable\` as it is: \`crash-unsafe-filesystem\`, \`asynchronous-journal\`, \`sync-setting-unseen\` (ZFS),
\`stacked-filesystem\`, \`single-sandbox\` (gVisor), \`mount-not-visible\` (a chroot), \`synchronised-folder\` (cloud clients),
\`network-mount-options\`, \`filesystem-failed\`, \`world-writable-database\`, \`wal-missing\`.

## How the mount is found

On Linux:

1. The path is resolved as SQLite resolves it: trimmed, each symbolic link followed, \`..\` taken after the link, a dangling
   link names its target. At each step the mount table says whether the next folder is a mount; a mount of a kind that
   is refused anyway and that a dead server could hang is not stepped on.
2. An \`O_PATH\` descriptor of the file (or of the nearest folder that exists) names its mount; the mount table says what
   that is. That is exact for bind mounts, over-mounts, mounts hidden below others, btrfs subvolumes and overlays. Closing
   such a descriptor does not cancel SQLite's locks.
3. \`f_type\` of statfs(2) is compared. The mount table decides, since 9p shows the type of the server's disk and all
   FUSE filesystems show one type; where the two disagree, the stricter verdict counts.
4. Mount options, \`/proc/fs/ext4\`, and what sysfs knows of the block device are read for durability.

One look takes about 0.2 ms. The file is never opened for reading or writing.

In gVisor (\`/proc/version\` says so) a 9p mount with \`cache=fscache\`, which tells that this sandbox alone uses the files,
gets a rollback journal and a warning; any other 9p mount is refused.

In a chroot the mount may not be in the table. Another mount of the same device is the same filesystem; otherwise the
magic number counts only together with a block device, and the rest is unknown and refused.

On macOS \`/sbin/mount\` is read; only a known type with the \`local\` flag is local. On Windows the final name of the file
(\`GetFinalPathNameByHandle\`) says whether a drive letter is a share, and \`fsutil fsinfo volumeinfo\` names the filesystem
of the drive: NTFS and ReFS are local, FAT and exFAT get a rollback journal. A drive of which Windows does not tell it (no
permission to start programs, another driver) is allowed, with the warning \`unknown-drive\`.

## What was not run

The tests mount on Linux: ext4, ext3, ext2, XFS, Btrfs, tmpfs, ramfs, zram, overlay, SquashFS, EROFS and FUSE on the
host's kernel, and NFS, CIFS, 9p, F2FS, JFS, NILFS2 and FAT under User Mode Linux. **macOS and Windows were not
run**: their parsers are tested on outputs that people published, and the rest follows the sources and manuals. Automounted
(autofs) folders were not run either. The last column of the tables says how each row is known.
`;

const known = { measured: 'measured', source: 'source code', reported: 'reports', general: 'general knowledge' };

export async function filesystemsPage() {
  const sections = [
    head,
    '## Linux',
    'A type that is not here is unknown, and refused; so is a FUSE filesystem that is not here.',
    filesystems(linuxFilesystems),
    '## macOS',
    filesystems(darwinFilesystems),
    '## Versions of SQLite',
    'Opening is refused (`UnsafeSqliteVersionError`) where the SQLite inside better-sqlite3 has a released bug that applies:',
    versions(),
    '`dangerously.allowSqliteVersion` opens all the same, with a warning at every open. Other programs that open the file can have these bugs too: `node:sqlite` of Node 24.9 is SQLite 3.50.4, for example, and has the first.',
  ];
  const style = await resolveConfig(fileURLToPath(import.meta.url));
  return format(sections.join('\n\n').trimStart(), { ...style, parser: 'markdown' });
}

function filesystems(rows) {
  const lines = rows.map(row => {
    const types = row.types.map(type => `\`${type}\``).join(' ');
    const more = row.warning === null ? '' : ` **Warning** \`${row.warning.code}\`: ${row.warning.message}`;
    return [row.name, types, row.class, `\`${row.verdict}\``, `${row.reason}${more}`, known[row.known]];
  });
  return table(['filesystem', 'types', 'class', 'verdict', 'why', 'known from'], lines);
}

function versions() {
  const lines = versionBugs.map(bug => [
    bug.from === bug.through ? bug.from : `${bug.from} – ${bug.through}`,
    `[${bug.name}](${bug.source})`,
    bug.what,
    bug.fixedIn,
  ]);
  return table(['versions', 'bug', 'what', 'fixed in'], lines);
}

function table(titles, rows) {
  const line = cells => `| ${cells.map(cell => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(titles), line(titles.map(() => '---')), ...rows.map(line)].join('\n');
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  writeFileSync(fileURLToPath(new URL('../docs/filesystems.md', import.meta.url)), await filesystemsPage());
}
