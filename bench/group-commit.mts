/**
 * Group commit against single commits: writes a second and latencies, on this disk and on one whose every sync takes
 * two milliseconds more, bare and through HTTP; and the event loop under contention. Writes results/group-commit.json.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { spawnSync } from 'node:child_process';
import { createFaultBench, faultsSkip } from '../test/faults/shim.mts';
import { runWithSlowFsync } from '../test/faults/slow-fsync.mts';
import type { Row } from './group-commit/callers.mts';
import { measureContention, type Stall } from './group-commit/contention.mts';
import { measureHttp } from './group-commit/http.mts';
import { describeMachine, type Machine } from './machine.mts';

export interface GroupCommitResults {
  readonly takenAt: string;
  readonly machine: Machine;
  /** Added to each sync of the slow disk, in milliseconds. */
  readonly slowMs: number;
  readonly bare: { readonly disk: readonly Row[]; readonly slow: readonly Row[] | null };
  readonly http: { readonly disk: readonly Row[]; readonly slow: readonly Row[] | null };
  readonly contention: readonly Stall[];
}

/** What a sync costs on a cloud volume or a disk without a protected cache. */
const slowMs = 2;
const heldMs = 1000;
const callers = [1, 8, 64, 256];

async function run(quick: boolean): Promise<GroupCommitResults> {
  const program = join(import.meta.dirname, 'group-commit/callers.mts');
  const args = quick ? [callers.join(), '1', '200'] : [callers.join(), '5', '700'];
  const rounds = quick ? 1 : 5;
  const skip = faultsSkip();
  if (skip !== false) console.error(`Without the slow disk: ${skip}`);
  return {
    takenAt: new Date().toISOString(),
    machine: describeMachine(),
    slowMs,
    bare: {
      disk: parse(spawnSync(process.execPath, [program, ...args], { encoding: 'utf8', maxBuffer: 2 ** 24 }).stdout),
      slow: skip === false ? parse((await runWithSlowFsync(program, slowMs, { args })).stdout) : null,
    },
    http: {
      disk: await measureHttp(callers, rounds),
      slow: skip === false ? await httpOnSlowDisk(rounds) : null,
    },
    contention: await measureContention(heldMs),
  };
}

async function httpOnSlowDisk(rounds: number): Promise<Row[]> {
  using bench = createFaultBench();
  bench.faults.arm({ calls: ['fsync', 'fdatasync', 'dirsync'], path: '*', count: 'all', action: { slowMs } });
  return await measureHttp(callers, rounds, bench.environment);
}

function parse(output: string): Row[] {
  return JSON.parse(output) as Row[];
}

if (process.argv[1] === import.meta.filename) {
  const results = await run(process.argv.includes('--quick'));
  const folder = join(import.meta.dirname, 'results');
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'group-commit.json'), `${JSON.stringify(results, null, 2)}\n`);
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
