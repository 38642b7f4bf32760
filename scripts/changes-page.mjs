// Writes docs/changed-underneath.md from test/results/changes.json, which `node test/sentinel/changes-run.mts` makes. A test
// compares the two.
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { format, resolveConfig } from 'prettier';

const page = fileURLToPath(new URL('../docs/changed-underneath.md', import.meta.url));

function noticed(moment, { noticedMs }) {
  if (moment === 'checkpoint') return 'before anything is copied';
  return noticedMs === null ? 'before the next commit' : `within ${noticedMs} ms`;
}

export async function changesPage() {
  const { intervalMs, rows } = JSON.parse(
    readFileSync(new URL('../test/results/changes.json', import.meta.url), 'utf8'),
  );
  const life = JSON.parse(readFileSync(new URL('../test/results/ordinary-life.json', import.meta.url), 'utf8')).runs.at(
    -1,
  );
  const lines = rows.map(
    ({ file, name, writer, moment, raw, ours }) =>
      `| ${writer} | ${file} | ${name} | ${moment} | ${raw === null ? 'SIGBUS ends the process' : `${raw.acknowledged} acknowledged, then: ${raw.afterwards}`} | ${ours.acknowledged} | ${noticed(moment, ours)} | ${ours.rescued ?? 'none'} |`,
  );
  const text = `# Files changed underneath

What happens when a program writes into the files of an open WAL database past SQLite (\`cp\`, \`truncate\`, an editor, a restore
script), so that the inode stays the same: in another process, or by \`fs\` in the process that has the database open, where the
process guard is off. Behind it the application tries 20 commits: at once (_writing_), after a checkpoint was asked for
(_checkpoint_), or after it has been idle for three intervals of the sentinel (_idle_; ${intervalMs} ms here, 1000 ms by default). _Raw_ is better-sqlite3 in the same program, with what \`integrity_check\` or the next open says afterwards.

Before each commit a few system calls compare the last frame of the \`-wal\` with its index, and the size and time of the
database with the last checkpoint; at each interval (every fifth after ten seconds without a commit, every tenth after a minute) and before each checkpoint, samples of the pages, and of the
\`-wal\` its header and its frames, each by the checksum that SQLite wrote into it: a recovery after a crash ends at the first wrong one,
and loses every later commit. Each interval verifies frames for 2 ms (some 4 MiB). An idle \`-wal\` is verified once, one that grows in
turns, from its first frame to its last and again; each checkpoint verifies for 10 ms before it begins. A checksum of
each page is taken in pieces of some milliseconds an interval, and compared when the file was touched and no checkpoint did it. Commits,
checkpoints, VACUUM and journal mode changes of other processes, \`touch\`, \`chmod\` and tools that only read raise no alarm:
${life.alarms === 0 ? 'none' : life.alarms} in ${life.commits.toLocaleString('en').replaceAll(',', ' ')} commits of ${life.processes} processes within ${life.seconds} seconds
(\`node test/sentinel/alarms/ordinary-life.test.mts --commits=1000000 --save\`). Nor does a checkpoint that another process left unfinished.
The file is noticed as changed, the connection is fenced, what it still sees is written to a rescued copy where that is
possible, and the \`-wal\` is set aside, so that the next open does not play it into a file that it does not belong to.

Here the connection has every page in its cache, so that the rescued copy is whole. Elsewhere (a larger database, a cache that was
emptied by a truncating checkpoint or a commit of another process) the copy has what the connection still sees, with what was written
over it, and its check says whether that is sound; where it cannot be made, the hint says how to check the file and restore a backup.

What is not noticed: a page whose checksum was not taken yet (after an open, and after a checkpoint and a new round of the WAL between two checks: 256 KiB an
interval at least), pages between those that are remembered of a database with more than 65 536, and a page that a checkpoint
writes in the same interval; a frame that a checkpoint copies before its turn in a \`-wal\` of more than 10 ms of checks.
\`verify\` finds damage to the structure there, and no changed value. Commits between a change and its notice are acknowledged; a
rescued copy has them. Where Linux's \`/proc\` is missing, only a database that was cut below its first page is noticed.

With a rollback journal every transaction asks the size and the first page of the file anew, and SQLite itself refuses a file
that was cut (\`SQLITE_CORRUPT\`) or has another first page (\`SQLITE_NOTADB\`); one that was cut below its first page is noticed here as
well. Another database copied over it looks like a commit of another process, and a page in the middle is read as it is: any program may
write there under its lock, and leaves no trace but a counter in the file. \`verify\` finds damage.

Made by \`node test/sentinel/changes-run.mts && node scripts/changes-page.mjs\`.

| who | file | change | application | raw | our commits | noticed | rescued copy |
| --- | --- | --- | --- | --- | --- | --- | --- |
${lines.join('\n')}
`;
  return format(text, { ...(await resolveConfig(page)), parser: 'markdown' });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) writeFileSync(page, await changesPage());
