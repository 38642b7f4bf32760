/** Runs a Node program on a disk whose every sync takes longer: what a benchmark needs, in one call. */
import { spawn } from 'node:child_process';
import { createFaultBench } from '../support/fault-shim.mts';

export interface SlowFsyncOptions {
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** fnmatch(3) pattern of the files whose syncs are slowed. Default: all. */
  readonly path?: string;
  /** Also slow the syncs of folders. Default `true`. */
  readonly folders?: boolean;
}

export interface SlowFsyncRun {
  readonly stdout: string;
  readonly stderr: string;
  /** How many syncs were slowed. */
  readonly syncs: number;
}

/** Adds `delayMs` to each fsync and fdatasync of the program and returns what it printed; rejects when it fails. */
export async function runWithSlowFsync(
  program: string,
  delayMs: number,
  options: SlowFsyncOptions = {},
): Promise<SlowFsyncRun> {
  using bench = createFaultBench();
  bench.faults.arm({
    calls: ['fsync', 'fdatasync', ...(options.folders === false ? [] : (['dirsync'] as const))],
    path: options.path ?? '*',
    count: 'all',
    action: { slowMs: delayMs },
  });
  const child = spawn(process.execPath, [program, ...(options.args ?? [])], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...bench.environment, ...options.env },
  });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const code = await new Promise(resolve => child.on('close', resolve));
  if (code !== 0) throw new Error(`${program} ended with ${String(code)} under slow fsync.\n${stderr}`);
  return { stdout, stderr, syncs: bench.faults.counters()[0]?.hits ?? 0 };
}
