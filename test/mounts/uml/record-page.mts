/** Writes docs/network-mounts.md from a survey: `node test/mounts/uml/record-page.mts`. A test compares the two. */
import { writeFileSync } from 'node:fs';
import { format } from 'prettier';
import { outcome } from '../processes/outcome.mts';
import type { Allowed } from '../processes/safe-questions.mts';
import type { Mode } from '../processes/steps.mts';
import type { RawResult, Row } from './row.mts';
import { survey, surveyMissing } from './survey.mts';

const head = `
# Network and shared mounts

<!-- Written by test/mounts/uml/record-page.mts from what it sees. Run it after a change; a test compares the two. -->

What SQLite does on mounts that reach another machine, another kernel or a server, and what this library says of them.
Everything here is seen, not quoted: each mount is made for real under User Mode Linux, a kernel that runs as a
program, with the kernel's own NFS server and client, samba and the kernel's CIFS client, the 9p server diod and the
kernel's 9p client, and local filesystems on loop devices beside them.

    node test/mounts/uml/record-page.mts   # as root, with the packages of test/mounts/uml/survey.mts

Seen with Linux KERNEL.

## What the system says, and what this library says

The type in \`/proc/self/mountinfo\` decides; \`f_type\` of statfs(2) is compared with it. Refused ground is known by
its row in mountinfo alone: no call goes to a server that may be dead.
`;

const opened = `
## What this library does

\`new Database(file)\` as it is, read-only as well, and \`db.attach(file)\` from another database, as a method and as SQL:
an error leaves the folder as it was. A backup that goes there is carried there, checked, and replaced by the next one.

With \`dangerously.allowNetworkFilesystem\`: a mode means that the database was opened in this journal mode, written, read
back and checked; a rollback journal (\`delete\`) goes with \`synchronous=EXTRA\`. The same on a database that a program on
the server has left in WAL format, and for reading only.
`;

const alone = `
## One process alone

better-sqlite3 as it is: 20 commits and \`PRAGMA integrity_check\`. A code names the first statement that failed. That
one process alone works says nothing about two.
`;

const stuck = `
Where WAL fails, \`PRAGMA journal_mode = WAL\` may have claimed success: the header of the database says WAL by then,
and no new connection can read it.
`;

const two = `
## Two processes that reach one file by two ways

better-sqlite3 as it is. The second process comes through a second mount without a cache in common, as another machine
would, or on the server's own filesystem.

- **At once**: the second begins and commits a transaction while the first is inside \`BEGIN IMMEDIATE\`. Right is
  \`SQLITE_BUSY\`.
- **In turns**: both keep the file open and commit one after the other, never at the same time. Right is \`ok\`.

\`rows lost, no error\`: every COMMIT returned, and rows are missing. \`then CODE\`: what a new connection gets
afterwards. None of these databases was left by a crash.

A kernel of its own on the other side has neither locks nor memory nor a cache in common with this one: a test
(test/mounts/two-kernels.test.mts) writes from two at the same time, through two FUSE mounts of one folder and through
hostfs from a guest and its host. In 25 rounds 50 commits are acknowledged, and 25 rows are there.
`;

/** Options of the mount that decide about locks and caches. */
const telling = /^(vers=.*|local_lock=.*|nolock|nobrl|unix|nounix|loose|sync|cache=.*|fsync_mode=.*)$/;

function table(columns: readonly string[], rows: readonly (readonly string[])[]): string {
  return [columns, columns.map(() => '---'), ...rows].map(row => `| ${row.join(' | ')} |`).join('\n');
}

function code(text: string): string {
  return text.replace(/SQLITE_\w+/g, '`$&`').replace('rows lost, no error', '**rows lost, no error**');
}

function groundRow({ name, statfs, mountinfo, ours }: Row): string[] {
  const [type = '', , options = ''] = mountinfo.split(' ');
  const told = options.split(',').filter(option => telling.test(option));
  const { class: kind, verdict } = ours.inspected;
  return [name, `\`${statfs}\``, `\`${type}\``, told.map(option => `\`${option}\``).join(' '), kind, verdict];
}

function allowedWords(allowed: Allowed): string {
  if ('error' in allowed) return `\`${allowed.error.name}\``;
  return 'failed' in allowed ? `opens, then \`${allowed.failed.name}\`` : `\`${allowed.journalMode}\``;
}

/** `ok`, or the classes of the errors. */
function errorWords(...results: readonly string[]): string {
  return [...new Set(results)].map(result => (result === 'ok' ? 'ok' : `\`${result}\``)).join(', ');
}

function refusedRow({ name, ours, elsewhere }: Row): string[] {
  const { readonly, attach, attachSql, backup, backupOver } = elsewhere;
  const plain = ours.plain === null ? 'ok' : `\`${ours.plain.name}\``;
  return [name, plain, errorWords(readonly), errorWords(attach, attachSql), errorWords(backup, backupOver)];
}

function allowedRow({ name, ours, elsewhere }: Row): string[] {
  const wayOut = ours.afterWayOut === undefined ? '' : `, after its statements ${allowedWords(ours.afterWayOut)}`;
  return [
    name,
    allowedWords(ours.allowed),
    `${allowedWords(ours.walFormat)}${wayOut}`,
    errorWords(elsewhere.readonlyAllowed),
  ];
}

function stuckRow({ name, raw }: Row): string[][] {
  const { pragma, result, left } = raw.WAL;
  if (left === undefined) return [];
  return [[name, `\`${pragma}\``, code(result), left.files.join(', '), code(left.reopened), `\`${left.wayOut}\``]];
}

function waysRows({ name, raw }: Row): string[][] {
  const words = (mode: Mode, way: 'secondMount' | 'serverSide'): string[] => {
    const result: RawResult = raw[mode];
    const ways = result[way];
    return ways === undefined ? ['–', '–'] : [code(outcome(ways.atOnce)), code(outcome(ways.inTurns))];
  };
  const row = (way: 'secondMount' | 'serverSide', title: string): string[][] =>
    raw.DELETE[way] === undefined && raw.WAL[way] === undefined
      ? []
      : [[name, title, ...words('DELETE', way), ...words('WAL', way)]];
  return [...row('secondMount', 'second mount'), ...row('serverSide', "server's own")];
}

/** The page for these rows. */
export function recordPage(rows: readonly Row[]): Promise<string> {
  return format(
    [
      head.replace('KERNEL', rows[0]?.kernel ?? ''),
      table(['mount', 'statfs', 'type', 'options', 'class', 'verdict'], rows.map(groundRow)),
      opened,
      table(['mount', '`new Database`', 'read-only', '`attach`', '`backup` to it'], rows.map(refusedRow)),
      '',
      table(
        ['mount, allowed', 'new database', 'database found in WAL format', 'read-only'],
        rows.filter(({ ours }) => ours.plain !== null).map(allowedRow),
      ),
      alone,
      table(
        ['mount', 'rollback journal (DELETE)', 'WAL'],
        rows.map(({ name, raw }) => [name, code(raw.DELETE.result), code(raw.WAL.result)]),
      ),
      stuck,
      table(
        [
          'mount',
          '`journal_mode = WAL` says',
          'next',
          'files left',
          'new connection',
          'with exclusive locking, DELETE says',
        ],
        rows.flatMap(stuckRow),
      ),
      two,
      table(
        ['mount', 'second way', 'DELETE, at once', 'DELETE, in turns', 'WAL, at once', 'WAL, in turns'],
        rows.flatMap(waysRows),
      ),
    ].join('\n'),
    { parser: 'markdown', printWidth: 120 },
  );
}

if (import.meta.main) {
  const missing = surveyMissing();
  if (missing !== undefined) throw new Error(`Cannot survey the mounts here: ${missing}.`);
  writeFileSync(new URL('../../../docs/network-mounts.md', import.meta.url), await recordPage(await survey()));
}
