// Tests the output of each command in each state, as golden files that a person can read, and one verdict for one
// state.
// `node test/cli/states.test.mts --record` writes the files anew.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { describe, test } from 'node:test';
import { dist, Native } from '../backup/fixture.mts';
import { diagnose } from 'safe-sqlite';
import { found } from '../doctor/check-input.mts';
import { createLab, makeLab, whyNoMounts } from '../mounts/lab.mts';
import { states, type State } from './states.mts';

const skip = whyNoMounts('mkfs.ext4', 'unshare');
const record = process.argv.includes('--record');
const golden = join(import.meta.dirname, 'golden');
/** Where each state is mounted while a command looks at it: what is printed is laid out with the paths in it. */
const place = '/mnt';

const service = join(import.meta.dirname, 'service.scenario.mts');

const commands: readonly (readonly string[])[] = [
  ['doctor', 'app.db'],
  ['verify', 'app.db'],
  ['backup', 'app.db', 'copy.db'],
  ['restore', 'app.db', 'other.db'],
  ['checkpoint', 'app.db'],
  // Last, because it writes: a program that has the database open asks `db.health()`.
  ['service', 'app.db'],
];

/**
 * What a program gets in each state: the code of the error that its open throws, or the status of `db.health()`. A
 * crash is mended by the open itself.
 */
const told: Readonly<Record<string, string>> = {
  healthy: 'ok',
  crashed: 'ok',
  'hot-journal': 'ok',
  'in-use': 'ok',
  'damaged-page': 'degraded',
  'full-disk': 'degraded',
  'damaged-header': 'SQLITE_NOTADB',
  'cut-off': 'SQLITE_CORRUPT',
  empty: 'ok',
  folder: 'SQLITE_CANTOPEN',
  missing: 'SQLITE_CANTOPEN',
  'no-rights': 'SQLITE_READONLY',
  fenced: 'SAFE_SQLITE_FENCED',
  'orphaned-wal': 'SAFE_SQLITE_ORPHANED_JOURNAL',
  'foreign-wal': 'SAFE_SQLITE_ORPHANED_JOURNAL',
  'read-only-ground': 'SAFE_SQLITE_UNSAFE_FILESYSTEM',
  'no-inode': 'SQLITE_CANTOPEN',
};

interface Said {
  readonly line: readonly string[];
  readonly exit: number | null;
  readonly text: string;
}

/**
 * Lets the loop device of the state pass for a disk: the image lies on the disk of this machine, which may not be
 * durable, and the golden files are those of a machine with a durable one.
 */
const hideImage =
  'loop=$(findmnt -n -o SOURCE --target "$1"); ' +
  'if [ -e "/sys/block/${loop#/dev/}/loop" ]; then mount --bind /dev/null "/sys/block/${loop#/dev/}/loop/backing_file"; fi';

/** In a mount namespace of its own, which ends with the command. */
function say(home: string, { uid }: State, line: readonly string[]): Said {
  const user = uid === null ? [] : ['setpriv', `--reuid=${uid}`, `--regid=${uid}`, '--clear-groups'];
  const script = `${hideImage}; mount --bind "$1" ${place} && cd ${place} && shift && exec "$@"`;
  const what = line[0] === 'service' ? service : dist('cli/bin.js');
  const program = [...user, process.execPath, what, ...(line[0] === 'service' ? line.slice(1) : line)];
  const { status, stdout, stderr } = spawnSync('unshare', ['--mount', 'sh', '-c', script, 'sh', home, ...program], {
    encoding: 'utf8',
    env: { ...process.env, NO_COLOR: '1' },
  });
  return { line, exit: status, text: `${stdout}${stderr}` };
}

/** What differs from run to run or from machine to machine, and the lines of a container. */
function stable(text: string): string {
  return text
    .replaceAll(/loop\d+/g, 'loop0')
    .replaceAll(/sha256: [0-9a-f]{64}/g, 'sha256: <hash>')
    .replaceAll(/\d+(?:\.\d+)? m?s\b/g, '1 ms')
    .replaceAll(/[Pp]rocess \d+/g, 'Process 100')
    .replaceAll(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, '2026-01-01T00:00:00.000Z')
    .replaceAll(/on \S+ \(disk I\/O error\)/g, 'on host (disk I/O error)')
    .replaceAll(/\S+safe-sqlite-mounts-\S+/g, '<image>')
    .replaceAll(/(?:open|mkdir) '(\S+)\.safe-sqlite-[^'\s]+'/g, "open '$1.safe-sqlite-<name>'")
    .replaceAll(/SQLite 3\.\d+\.\d+/g, 'SQLite 3.x.y')
    .replaceAll(/[\d.]+ [kMG]B of [\d.]+ [kMG]B are free/g, '24.0 MB of 26.5 MB are free')
    .replaceAll(/\([\d.]+ kB more are kept/g, '(783.4 kB more are kept')
    .replaceAll(/\d+ process(?:es)? of other users/g, '30 processes of other users')
    .replaceAll(/\n {2}- processes outside this container:.*/g, '')
    .replaceAll(/\nNot checked:\n(?=\n)/g, '')
    .replaceAll(/\b\d+ s ago/g, '0 s ago');
}

/** Words and numbers; how they are broken into lines depends on the length of what was replaced. */
function words(text: string): string {
  return text.replaceAll(/\s+/g, ' ');
}

function page(said: readonly Said[]): string {
  return said
    .map(({ line, exit, text }) => {
      const command = line[0] === 'service' ? 'A program that opens it' : `$ npx safe-sqlite ${line.join(' ')}`;
      return `${command}   (exit code ${exit})\n\n${stable(text)}`;
    })
    .join('\n----\n\n');
}

/** The code of the first finding of the doctor that is a problem, and of the verdict of another command. */
function codeIn(text: string, pattern: RegExp): string | null {
  return pattern.exec(text)?.[1] ?? null;
}

const inContainer = existsSync('/.dockerenv') || existsSync('/run/.containerenv');
/** Outside a container every process can be seen, and the finding about a -wal that was left is another. */
const needsContainer: ReadonlySet<string> = new Set(['crashed', 'foreign-wal']);

describe('each state, said by each command', { skip }, () => {
  const lab = skip === false ? makeLab() : null;
  for (const state of states) {
    const other = needsContainer.has(state.name) && !inContainer ? 'was recorded in a container' : false;
    test(state.name, { skip: other }, async t => {
      assert.ok(lab !== null);
      const file = await state.make(t, lab);
      assert.equal(basename(file), 'app.db');
      const said = commands.map(line => say(dirname(file), state, line));
      const path = join(golden, `${state.name}.txt`);
      if (record) {
        mkdirSync(golden, { recursive: true });
        writeFileSync(path, page(said));
      }
      assert.equal(words(page(said)), words(readFileSync(path, 'utf8')), `see ${path}`);

      const [doctor, ...others] = said.filter(({ line }) => line[0] !== 'service');
      assert.ok(doctor !== undefined);
      const answer = said.at(-1)?.text ?? '';
      assert.equal(codeIn(answer, /^health: (\w+)$/m) ?? codeIn(answer, /^open: (\w+): /m), told[state.name], answer);
      const lines = doctor.text.trimEnd().split('\n');
      assert.match(lines.at(-1) ?? '', /^Next: /, 'the last line is the next command');
      assert.match(lines[1] ?? '', /the pages were NOT checked|every page was checked|^1 problem/);
      const problem = codeIn(doctor.text, /^PROBLEM \(([\w-]+)\)$/m);
      for (const { line, exit, text } of others) {
        const verdict = codeIn(text, /^\S+: (?:PROBLEM|WARNING) \(([\w-]+)\)$/m);
        if (verdict !== null) {
          assert.match(doctor.text, new RegExp(`^(?:PROBLEM|WARNING) \\(${verdict}\\)$`, 'm'), line.join(' '));
        }
        // A restore to another file has no obstacle here but the state of its source.
        if (exit === 1 && problem !== null) assert.equal(verdict, problem, `${line.join(' ')}:\n${text}`);
        if (exit !== 0)
          assert.match(text.trimEnd().split('\n').at(-1) ?? '', /^Next: npx|^Next: [a-z]/, line.join(' '));
        assert.doesNotMatch(text, /`?(?:verifyDatabase|restoreDatabase|readonly: true|overwrite: true)/);
      }
    });
  }
});

test(
  'a -wal that belongs to another database: the advice, followed to its end, gives the database back',
  { skip },
  async t => {
    using lab = createLab();
    const state = states.find(({ name }) => name === 'foreign-wal');
    assert.ok(state !== undefined);
    const file = await state.make(t, lab);
    const damaged = found(await diagnose(file), 'damaged');
    assert.match(damaged.why ?? '', /older than the database/);
    const aside = lab.folder('aside');
    for (const command of damaged.commands) {
      const line = command
        .replace('<other storage>', aside)
        .replace('npx safe-sqlite', `'${process.execPath}' '${dist('cli/bin.js')}'`);
      const { status, stdout, stderr } = spawnSync('sh', ['-c', line], { encoding: 'utf8' });
      assert.equal(status, 0, `${command}: ${stdout}${stderr}`);
    }
    const db = new Native(file);
    assert.equal(db.prepare('SELECT count(*) FROM note').pluck().get(), 400);
    db.close();
  },
);
