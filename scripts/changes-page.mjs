// Writes docs/changed-underneath.md from test/results/changes.json, which `node test/sentinel/changes-run.mts` makes. A test
// compares the two.
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { format, resolveConfig } from 'prettier';

const page = fileURLToPath(new URL('../docs/changed-underneath.md', import.meta.url));

export async function changesPage() {
  const { intervalMs, rows } = JSON.parse(
    readFileSync(new URL('../test/results/changes.json', import.meta.url), 'utf8'),
  );
  const lines = rows.map(
    ({ file, name, moment, raw, ours }) =>
      `| ${file} | ${name} | ${moment} | ${raw === null ? 'SIGBUS ends the process' : `${raw.acknowledged} acknowledged, then: ${raw.afterwards}`} | ${ours.acknowledged} | ${ours.noticedMs === null ? 'before the next commit' : `within ${ours.noticedMs} ms`} | ${ours.rescued ?? 'none'} |`,
  );
  const text = `# Files changed underneath

What happens when a program writes into the files of an open WAL database past SQLite (\`cp\`, \`truncate\`, an editor, a restore
script), so that the inode stays the same. The change comes from another process. Behind it the application tries 20 commits:
at once (_writing_), or after it has been idle for three intervals of the sentinel (_idle_; ${intervalMs} ms here, 1000 ms by
default). _Raw_ is better-sqlite3 in the same program, with what \`integrity_check\` or the next open says afterwards.

Before each commit a few system calls compare the last frame of the \`-wal\` with its index, and the size and time of the
database with the last checkpoint; at each interval and before each checkpoint, samples of the pages as well. Commits,
checkpoints, VACUUM and journal mode changes of other processes, \`touch\`, \`chmod\` and tools that only read raise no alarm.
The file is noticed as changed, the connection is fenced, what it still sees is written to a rescued copy where that is
possible, and the \`-wal\` is set aside, so that the next open does not play it into a file that it does not belong to.

The database here is small: its connection has every page in its cache, so that the rescued copy is whole. Of a large one
the copy has what the connection still holds, and its check says whether that is sound.

A change of pages in the middle of the database that no sample meets, and that leaves size and header as they were, is not
noticed: \`verify\` finds it. Where Linux's \`/proc\` is missing, contents are not watched.

Made by \`node test/sentinel/changes-run.mts && node scripts/changes-page.mjs\`.

| file | change | application | raw | our commits | noticed | rescued copy |
| --- | --- | --- | --- | --- | --- | --- |
${lines.join('\n')}
`;
  return format(text, { ...(await resolveConfig(page)), parser: 'markdown' });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) writeFileSync(page, await changesPage());
