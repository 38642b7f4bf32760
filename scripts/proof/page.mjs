// The text of docs/proof.md, from the results of the long runs in test/results: pure.
import { describeMutants } from './mutants.mjs';

/** Sums the numbers of rows that agree in `keys`, in the order in which they first come. */
function summed(rows, keys) {
  const sums = new Map();
  for (const row of rows) {
    const name = keys.map(key => row[key]).join('\n');
    const before = sums.get(name);
    sums.set(name, before === undefined ? row : added(before, row, keys));
  }
  return [...sums.values()];
}

function added(one, other, keys = []) {
  const sum = { ...one };
  for (const [key, value] of Object.entries(other)) {
    if (keys.includes(key)) continue;
    if (typeof value === 'number') sum[key] = (one[key] ?? 0) + value;
    else if (typeof value === 'object' && value !== null && !Array.isArray(value))
      sum[key] = added(one[key] ?? {}, value);
  }
  return sum;
}

function table(head, rows, aligned) {
  const line = cells => `| ${cells.join(' | ')} |`;
  return [line(head), line(aligned.split('').map(side => (side === 'r' ? '---:' : '---'))), ...rows.map(line)].join(
    '\n',
  );
}

function whole(value) {
  return Math.round(value).toLocaleString('en-US').replaceAll(',', ' ');
}

function minutes(seconds) {
  return seconds < 7200 ? `${whole(seconds / 60)} minutes` : `${(seconds / 3600).toFixed(1)} hours`;
}

function mebibytes(bytes) {
  return `${(bytes / (1 << 20)).toFixed(1)} MiB`;
}

/** When and where, and from which seeds. */
function taken(runs) {
  const seeds = seen(runs, 'seed').filter(seed => seed !== undefined);
  const seconds = runs.reduce((sum, run) => sum + (run.seconds ?? 0), 0);
  const days = seen(runs, 'date').toSorted((one, other) => one.localeCompare(other));
  const when = days.length === 1 ? days[0] : `from ${days[0]} to ${days.at(-1)}`;
  const nodes = seen(runs, 'node').map(version => version.slice(1));
  const machine = `Linux ${seen(runs, 'kernel').join(' and ')}, Node ${nodes.join(' and ')}, ${seen(runs, 'processors').join(' and ')} processors`;
  const how = runs.length === 1 ? 'in one run' : `in ${runs.length} runs`;
  return `Taken ${when} ${how}, ${minutes(seconds)} together; ${machine}${seeds.length === 0 ? '' : `; seeds ${seeds.join(', ')}`}.`;
}

function seen(runs, key) {
  return [...new Set(runs.map(run => run[key]))];
}

const grounds = {
  'ext4-shutdown': 'ext4, shutdown ioctl',
  'xfs-shutdown': 'xfs, shutdown ioctl',
  'ext4-device': 'ext4, disk with a volatile cache',
  'xfs-device': 'xfs, disk with a volatile cache',
};

function powerCuts({ runs }) {
  const rows = summed(
    runs.flatMap(run => run.rows),
    ['ground', 'subject'],
  );
  const isOurs = ({ subject }) => subject.startsWith('safe-sqlite');
  const ours = rows.filter(isOurs).reduce((sum, row) => added(sum, row, ['ground', 'subject']), {});
  const shown = rows
    .toSorted((one, other) => Object.keys(grounds).indexOf(one.ground) - Object.keys(grounds).indexOf(other.ground))
    .map(row => [
      grounds[row.ground],
      row.subject,
      whole(row.cuts),
      whole(row.disks),
      whole(row.acknowledged),
      isOurs(row) ? whole(row.lost) : `**${whole(row.lost)}**`,
      whole(row.broken),
    ]);
  const { operations = {} } = ours;
  return `## Power cuts on real filesystems

    npm run proof:cuts -- --rounds 100 --save

A filesystem on a loop device, three processes at work on one database, and the power goes at a drawn commit. The kernel
cuts it itself (the shutdown ioctl of ext4 and xfs: what was not written is gone, the journal of the filesystem included);
or the disk is a program of this bench, with a write cache that only a flush empties. Of that disk four outcomes are tried
after each cut: nothing of the cache was kept, a prefix with the last write torn, and random sectors of 4096 and of 512
bytes. Each is mounted, opened with plain SQLite and, from the same bytes, with this library: \`integrity_check\`, then every
row against the books. An acknowledged transaction must be there, whole; one reported as rolled back must not; one of
which the outcome is \`unknown\`, or never came, may be either.

Before the cuts the processes of safe-sqlite had carried out
${Object.entries(operations)
  .map(([name, count]) => `${whole(count)} × ${operationNames[name] ?? name}`)
  .join(', ')}.
Tables are created and dropped inside the transactions. Backups and restores go over older files: after each cut the old
or the new one stood at the destination, complete.

${table(
  ['ground', 'subject', 'cuts', 'disks judged', 'acknowledged transactions', 'lost', 'files with a fault'],
  shown,
  'llrrrrr',
)}

A lost transaction counts once for each disk and each of the two openings. The rows of better-sqlite3 are there to show that
the bench sees a loss: 30 commits, at rest, then the cut.

${taken(runs)}`;
}

const operationNames = {
  commit: 'a transaction',
  both: 'a transaction over two files (attached)',
  queue: 'a burst through the write queue',
  rollBack: 'a rollback',
  checkpoint: 'a checkpoint',
  reopen: 'close and reopen',
  backup: 'a backup',
  restore: 'a restore',
};

function writeBoundaries({ runs }) {
  const all = runs.flatMap(run => run.rows);
  // Two recordings of one script differ a little; the counts of the last one are shown.
  const last = new Map(all.map(row => [row.name, row]));
  const rows = summed(all, ['name', 'title']).map(row => {
    const { events, different } = last.get(row.name);
    return { ...row, events, different };
  });
  const sum = key => rows.reduce((total, row) => total + row[key], 0);
  return `## Every write boundary

    npm run proof:boundaries -- --save

Each script is played once and every change of its files is recorded. Then, after each change, the states that POSIX
permits a disk to hold are built: nothing unsynced kept, all of it, every prefix, each write or name alone and each
missing, every write torn at 512 and 4096 bytes, the file grown without its data, and random combinations within a sync
window. Real filesystems keep more order than that. Each state that differs is opened with plain SQLite, one in ten also
with this library, and judged as above.

${table(
  ['script', 'changes', 'different states', 'judged', 'also by safe-sqlite', 'broken'],
  [
    ...rows.map(row => [
      row.title,
      ...['events', 'different', 'judged', 'judgedByOurs', 'broken'].map(key => whole(row[key])),
    ]),
    ['**together**', ...['events', 'different', 'judged', 'judgedByOurs', 'broken'].map(key => whole(sum(key)))],
  ],
  'lrrrrr',
)}

The same bench sees better-sqlite3 lose commits (WAL as it comes, DELETE with FULL), and a disk that lies destroy databases.

${taken(runs)}`;
}

function kills({ runs }, titles) {
  const calls = runs.map(run => run.calls).filter(Boolean);
  const moments = runs.map(run => run.moments).filter(Boolean);
  const atCalls = calls.reduce((sum, each) => added(sum, each), {});
  const atMoments = moments.reduce((sum, each) => added(sum, each), {});
  const spots = calls.at(-1)?.spots ?? 0;
  return `## Kills

    npm run proof:kills -- --rounds 10000 --save

**At system calls.** A script runs under a preloaded library and gets \`SIGKILL\` at its n-th system call on the database, or
in the middle of its n-th write. There are ${whole(spots)} such spots in the scripts below: open, commit, checkpoint, backup,
restore, fence, clearing a fence, rescue and close. What is left is opened with this library as it lies there, then with
plain SQLite. ${whole(atCalls.kills ?? 0)} kills, ${whole(atCalls.broken ?? 0)} with a fault.

${table(
  ['script', 'kills'],
  Object.entries(atCalls.scripts ?? {}).map(([name, count]) => [titles[name] ?? name, whole(count)]),
  'lr',
)}

**At drawn moments.** Two or three processes write to one database, through the queue and without it, checkpoint, close and
open; all are killed at a drawn moment, or one of them at a drawn call and the others a little later. A database lives
through 25 such rounds. ${whole(atMoments.rounds ?? 0)} rounds, ${whole(atMoments.kills ?? 0)} processes killed,
${whole(atMoments.commits ?? 0)} acknowledged transactions, ${whole(atMoments.broken ?? 0)} rounds with a fault.

A fault prints the one command that repeats it.

${taken(runs)}`;
}

/** The runs are slices: a recorded number of calls is how many one recording made, which polls differ in. */
function containerKills({ runs }) {
  const rows = summed(runs, ['operation']);
  const reached = operation => Math.max(...runs.filter(run => run.operation === operation).map(run => run.last));
  return `## Kills in containers

    npm run proof:container-kills

Two containers (namespaces of processes, host names and mounts) have different databases at one path and share a folder of
backups. One of them gets \`SIGKILL\` at its n-th system call on any of these files, in a scheduled backup or in a restore over a
database as a crash leaves it. Then another process, with another host name, another boot and other process numbers, goes on. It must
make the backup or the restore; the folder must have one backup with one manifest of each database, and nothing hidden; and after
the kill of a restore the old or the new database must open under its name, whole.

${table(
  ['operation', 'calls', 'kills', 'with a fault'],
  rows.map(({ operation, kills: count, broken }) => [
    operation,
    `1 to ${whole(reached(operation))}`,
    whole(count),
    whole(broken),
  ]),
  'lrrr',
)}

${taken(runs)}`;
}

function soak({ runs }) {
  const sum = runs.reduce((all, run) => added(all, run), {});
  const growth = new Map();
  for (const each of runs.flatMap(run => run.growth)) {
    const worst = growth.get(each.measure);
    growth.set(each.measure, {
      limit: each.limit,
      lives: (worst?.lives ?? 0) + 1,
      longest: Math.max(worst?.longest ?? 0, each.seconds),
      rise: Math.max(worst?.rise ?? -Infinity, each.rise),
    });
  }
  const shown = (measure, value) => (measure === 'descriptors' ? whole(value) : mebibytes(value));
  const { transactions, weather } = sum;
  return `## The soak

    npm run proof:soak -- --minutes 20 --save

Three processes write (the queue, transactions, checkpoints, close and reopen; one of them with scheduled backups), one reads
snapshots that it holds for up to four seconds. The sentinel is on everywhere. Over them comes weather: slow syncs, a full
disk under the WAL, a full disk under a checkpoint, and a disk whose syncs fail, which fences the file; then every
process ends, the fence is cleared as [fencing.md](fencing.md) says, and the work goes on.

Every snapshot and every backup is compared with the books: each writer counts its transactions in the database, so a lost
commit shows for ever. An error that the weather does not explain, an alarm of the sentinel, a fence without a fault, a
\`-wal\` that is left behind: each would be a fault of the run.

${table(
  ['', ''],
  [
    ['acknowledged transactions', whole(transactions.acknowledged)],
    ['rolled back by faults', whole(transactions.rolledBack)],
    ['outcome unknown', whole(transactions.unknown)],
    ['views compared with the books', whole(sum.snapshots)],
    ['scheduled backups', whole(sum.backups)],
    ['checkpoints', whole(sum.checkpoints)],
    ...Object.entries(weather).map(([kind, count]) => [`spells of ${kind}`, whole(count)]),
    ['fences cleared', whole(sum.fences)],
    ['errors, each explained by a fault', whole(sum.explained)],
    [
      'largest WAL',
      `${mebibytes(Math.max(...runs.map(run => run.walPeakBytes)))} (limit ${mebibytes(runs[0].walLimitBytes)})`,
    ],
    ['faults', whole(runs.reduce((all, run) => all + run.faults.length, 0))],
  ],
  'lr',
)}

**Growth** is judged for each life of a process, without its first third: what is held right after a garbage collection is
sampled, and the median slope between all samples (Theil–Sen) times the time must stay below a limit that does not depend
on the time: the longer the run, the smaller the leak that it finds.

${table(
  ['measure', 'lives judged', 'longest life', 'largest rise', 'limit'],
  [...growth].map(([measure, { lives, longest, rise, limit }]) => [
    measure,
    whole(lives),
    `${whole(longest)} s`,
    shown(measure, rise),
    shown(measure, limit),
  ]),
  'lrrrr',
)}

${taken(runs)}`;
}

const numberWords = { 1: 'One', 2: 'Two', 3: 'Three', 4: 'Four' };

function checkedCommits({ runs }) {
  const sum = runs.reduce((all, { commits }) => added(all, commits), {});
  const names = {
    wal: 'in WAL mode',
    rollback: 'with a rollback journal',
    attached: 'over two files',
    shared: 'to a file of all processes',
    queued: 'through the write queue',
  };
  const all = Object.values(sum).reduce((total, each) => total + each, 0);
  const crews = seen(runs, 'processes');
  return `## Checked commits without a false alarm

    npm run proof:commits -- --commits 10000000 --save

${numberWords[Math.min(...crews)]}${crews.length > 1 ? ` or ${numberWords[Math.max(...crews)].toLowerCase()}` : ''} processes commit, each to files of its own and to one that they share, open and close further connections and files,
checkpoint and delete; beside them a loop touches, reads, copies and \`chmod\`s every file. The sentinel looks before each
commit and ten times a second; a lost lock, a replaced file or a fence that it reports would be a fault of the run. At the
end another database is copied over a file of each process, and the sentinel must notice it. Before 2026-12-01 a run with a
fault was not saved: one such run reported a false alarm, of a form of the check that the source no longer has.

${table(
  ['commits', ''],
  [
    ...Object.entries(names).map(([name, what]) => [what, whole(sum[name])]),
    ['**together**', whole(all)],
    ['alarms', whole(runs.reduce((total, { alarms }) => total + alarms.length, 0))],
    [
      'strangers noticed',
      `${runs.reduce((total, { strangers }) => total + strangers.noticed, 0)} of ${runs.reduce((total, { strangers }) => total + strangers.changed, 0)}`,
    ],
  ],
  'lr',
)}

${taken(runs)}`;
}

/** `results`: by name, as `test/results` has them; `titles`: what each script of the kills is called; `mutants`: the kept list. */
export function describeProof(results, titles, mutants) {
  return `<!-- Written by scripts/proof-page.mjs from test/results; \`npm run docs:proof\`. -->

# What is proved, and how

safe-sqlite says that an acknowledged commit is on stable storage, and that a backup or a restore leaves the old or the new
file, complete. Here is what was done to break that, and what came of it. All of it runs on Linux as root. The numbers
are the sums of all saved runs: each command below adds its own to \`test/results\` and prints whether it found a fault. A run
with a fault is saved as well.
A short form of each runs in CI: with \`npm run test:system\`, that of the checked commits with \`npm test\`, which also checks that
each change of the list of mutants still applies. The faults of single system calls have a page of their own: [faults.md](faults.md).

${powerCuts(results['power-cuts'])}

${writeBoundaries(results['write-boundaries'])}

${kills(results.kills, titles)}

${containerKills(results['container-kills'])}

${soak(results.soak)}

${checkedCommits(results['checked-commits'])}

${describeMutants(mutants, results.mutants, table)}

## What is not proved

- **Disks that lie.** A drive or a controller that answers a flush and keeps the data in volatile memory loses commits, and
  can destroy any database; the bench shows it. Nothing above a disk can help.
- **Windows and macOS.** No power was cut there. On macOS the library sets \`fullfsync\` and reads it back.
- **The filesystem itself.** ext4 has a superblock over two sectors of 512 bytes: a disk that tears it leaves a filesystem
  that the kernel mounts only after \`fsck\`. The bench runs it, as a boot does, and judges what is there afterwards.
- **Other filesystems.** Power was cut on ext4 and xfs. The write boundaries do not depend on a filesystem, but on what POSIX
  promises.
- **Bits that rot**, memory that flips, and programs that write into the files without SQLite.
`;
}
