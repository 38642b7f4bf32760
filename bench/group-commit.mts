/**
 * Group commit against single commits: writes a second and latencies, on this disk and on one whose every sync takes
 * two milliseconds more, bare and through HTTP; and the event loop under contention. Writes results/group-commit.json.
 *
 *     node bench/group-commit.mts [--quick] [bare] [http] [contention]
 *
 * With names only these parts are measured (some three minutes each), and the others stay as the file has them.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { spawnSync } from 'node:child_process';
import { createFaultBench, faultsSkip } from '../test/support/fault-shim.mts';
import { runWithSlowFsync } from '../test/faults/slow-fsync.mts';
import type { BareRow, Row } from './group-commit/callers.mts';
import { measureContention, type Stall } from './group-commit/contention.mts';
import { measureHttp } from './group-commit/http.mts';
import { describeMachine, type Machine } from './machine.mts';

export interface GroupCommitResults {
  readonly takenAt: string;
  readonly machine: Machine;
  /** Added to each sync of the slow disk, in milliseconds. */
  readonly slowMs: number;
  readonly bare: { readonly disk: readonly BareRow[]; readonly slow: readonly BareRow[] | null };
  readonly http: { readonly disk: readonly Row[]; readonly slow: readonly Row[] | null };
  readonly contention: readonly Stall[];
}

/** What a sync costs on a cloud volume or a disk without a protected cache. */
const slowMs = 2;
const heldMs = 1000;
const file = join(import.meta.dirname, 'results/group-commit.json');
const callers = [1, 8, 64, 256];

const parts = ['bare', 'http', 'contention'] as const;
type Part = (typeof parts)[number];
type Measured = Pick<GroupCommitResults, Part>;

async function run(quick: boolean, wanted: readonly Part[]): Promise<GroupCommitResults> {
  const rounds = quick ? 1 : 5;
  const skip = faultsSkip();
  if (skip !== false) console.error(`Without the slow disk: ${skip}`);
  const hasSlowDisk = skip === false;
  const measure: { readonly [Each in Part]: () => Promise<Measured[Each]> } = {
    bare: () => bare(quick, hasSlowDisk),
    http: async () => ({
      disk: await measureHttp(callers, rounds),
      slow: hasSlowDisk ? await httpOnSlowDisk(rounds) : null,
    }),
    contention: () => measureContention(heldMs),
  };
  const before = wanted.length === parts.length ? null : (JSON.parse(readFileSync(file, 'utf8')) as Measured);
  const part = async <Each extends Part>(name: Each): Promise<Measured[Each]> =>
    before === null || wanted.includes(name) ? await measure[name]() : before[name];
  return {
    takenAt: new Date().toISOString(),
    machine: describeMachine(),
    slowMs,
    bare: await part('bare'),
    http: await part('http'),
    contention: await part('contention'),
  };
}

async function bare(quick: boolean, hasSlowDisk: boolean): Promise<GroupCommitResults['bare']> {
  const program = join(import.meta.dirname, 'group-commit/callers.mts');
  const args = quick ? [callers.join(), '1', '200'] : [callers.join(), '5', '700'];
  const { stdout } = spawnSync(process.execPath, [program, ...args], { encoding: 'utf8', maxBuffer: 2 ** 24 });
  return {
    disk: parse(stdout),
    slow: hasSlowDisk ? parse((await runWithSlowFsync(program, slowMs, { args })).stdout) : null,
  };
}

async function httpOnSlowDisk(rounds: number): Promise<Row[]> {
  using bench = createFaultBench();
  bench.faults.arm({ calls: ['fsync', 'fdatasync', 'dirsync'], path: '*', count: 'all', action: { slowMs } });
  return await measureHttp(callers, rounds, bench.environment);
}

function parse(output: string): BareRow[] {
  return JSON.parse(output) as BareRow[];
}

if (process.argv[1] === import.meta.filename) {
  const named = parts.filter(part => process.argv.includes(part));
  const results = await run(process.argv.includes('--quick'), named.length === 0 ? parts : named);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, `${JSON.stringify(results, null, 2)}\n`);
  for (const [name, rows] of [
    ['bare, this disk', results.bare.disk],
    [`bare, sync + ${slowMs} ms`, results.bare.slow],
    ['HTTP, this disk', results.http.disk],
    [`HTTP, sync + ${slowMs} ms`, results.http.slow],
  ] as const) {
    console.log(`\n${name}`);
    console.table(
      rows?.map(({ subject, callers: count, perSecond, p50Ms, p99Ms }) => ({
        subject,
        callers: count,
        'a second': Math.round(perSecond),
        'p50 ms': Number(p50Ms.toFixed(2)),
        'p99 ms': Number(p99Ms.toFixed(2)),
      })),
    );
  }
  console.table(results.contention);
}
