/**
 * Measures opens, many files and single writers beside better-sqlite3 and beside an earlier commit, which is built in a
 * temporary folder. All three run in turns; each run is a process of its own.
 *
 *     node bench/before.mts [--before COMMIT] [--rounds N] [--only CASE,CASE]
 *
 * Each number is that of the quietest blocks of calls of a run, and each ratio the median over the rounds. It writes
 * bench/results/before.json.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { describeMachine } from './machine.mts';

/** The commit before the work on these costs began. */
const first = 'b6dd97b';

const { values } = parseArgs({
  options: {
    before: { type: 'string', default: first },
    rounds: { type: 'string', default: '5' },
    only: { type: 'string' },
  },
});

const memory = existsSync('/dev/shm') ? '/dev/shm' : tmpdir();
const cases = [
  { name: 'open', what: 'open, read once, close', ground: memory },
  { name: 'files', what: 'open the last 60 of 600 files', ground: memory },
  { name: 'autocommit', what: 'a statement that commits, in memory', ground: memory },
  { name: 'empty', what: 'an empty transaction', ground: memory },
  { name: 'autocommit-disk', what: 'a statement that commits, on disk', ground: tmpdir() },
  { name: 'write-one', what: '`db.write` of one caller', ground: tmpdir() },
  { name: 'write-new', what: 'the first 2400 writes of a new file', ground: tmpdir() },
].filter(({ name }) => values.only === undefined || values.only.split(',').includes(name));

const here = resolve(import.meta.dirname, '..');
const built = mkdtempSync(join(tmpdir(), 'safe-sqlite-before-build-'));
const script = join(import.meta.dirname, 'before', 'measure.mts');

function build(commit: string): void {
  const archive = execFileSync('git', ['archive', commit], { cwd: here, maxBuffer: 1 << 30 });
  execFileSync('tar', ['x', '-C', built], { input: archive });
  symlinkSync(join(here, 'node_modules'), join(built, 'node_modules'));
  execFileSync(process.execPath, ['scripts/build.mjs'], { cwd: built, stdio: 'pipe' });
}

const measure = (root: string, name: string, ground: string): number =>
  Number(execFileSync(process.execPath, [script, root, name, ground], { encoding: 'utf8' }));

/** System calls of the main thread for one open, read and close; null without strace. */
function systemCalls(root: string): number | null {
  const trace = join(built, 'trace');
  const run = join(import.meta.dirname, 'before', 'calls.mts');
  const left =
    'trace=!futex,epoll_wait,epoll_pwait,sched_yield,madvise,mprotect,munmap,clock_nanosleep,restart_syscall';
  const { status } = spawnSync('strace', ['-f', '-e', left, '-o', trace, process.execPath, run, root, memory]);
  if (status !== 0) return null;
  const lines = readFileSync(trace, 'latin1').split('\n');
  const from = lines.findIndex(line => line.includes('"/BEGIN"'));
  const thread = lines[from]?.split(' ')[0];
  const upTo = lines.findIndex(line => line.includes('"/END"'));
  return lines.slice(from + 1, upTo).filter(line => line.startsWith(`${thread} `)).length / 20;
}

const median = (numbers: readonly number[]): number => numbers.toSorted((a, b) => a - b)[numbers.length >> 1] ?? NaN;
const subjects = { raw: 'raw', before: built, now: here } as const;

try {
  build(values.before);
  const calls = Object.fromEntries(Object.entries(subjects).map(([name, root]) => [name, systemCalls(root)]));
  console.log('system calls of an open, read and close:', calls);
  const rows = cases.map(({ name, what, ground }) => {
    const costs = { raw: [] as number[], before: [] as number[], now: [] as number[] };
    for (let round = 0; round < Number(values.rounds); round += 1) {
      for (const subject of ['raw', 'before', 'now'] as const)
        costs[subject].push(measure(subjects[subject], name, ground));
    }
    const each = (of: readonly number[]): number =>
      Number(median(of.map((cost, round) => cost / (costs.raw[round] ?? NaN))).toFixed(2));
    const row = {
      name,
      what,
      rawUs: Number(median(costs.raw).toFixed(2)),
      before: each(costs.before),
      now: each(costs.now),
    };
    console.log(`${what}: raw ${row.rawUs} µs; before ${row.before} ×, now ${row.now} ×`);
    return row;
  });
  mkdirSync(join(import.meta.dirname, 'results'), { recursive: true });
  const result = { machine: describeMachine(), before: values.before, systemCalls: calls, rows };
  if (values.only === undefined)
    writeFileSync(join(import.meta.dirname, 'results', 'before.json'), `${JSON.stringify(result, null, 2)}\n`);
} finally {
  rmSync(built, { recursive: true, force: true });
}
