/** Runs programs in containers: namespaces of processes, host name and mounts, and a boot id of their own. */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Answer, Order } from './service.mts';

const program = join(import.meta.dirname, 'service.scenario.mts');

export interface Container {
  /** What is mounted where: `[what, where]`. */
  readonly mounts: readonly (readonly [from: string, to: string])[];
  readonly environment?: Readonly<Record<string, string>>;
}

export interface Ended {
  /** `null`: the service was killed. */
  readonly answer: unknown;
  readonly stderr: string;
}

/** A container that runs. */
export interface Running {
  readonly process: ChildProcess;
  readonly ended: Promise<Ended>;
}

let started = 0;

/** `scratch`: a folder for the file that stands for the boot id. */
export function startContainer(order: Order, { mounts, environment }: Container, scratch: string): Running {
  started += 1;
  mkdirSync(scratch, { recursive: true });
  const boot = join(scratch, `boot-${started}`);
  writeFileSync(boot, `${randomUUID()}\n`);
  const host = `container-${started}`;
  // Process 1 of a namespace takes no SIGKILL from inside, so the shell stays there.
  const script = [
    'set -e',
    'hostname "$0"',
    'mount -t proc proc /proc',
    'mount --bind "$1" /proc/sys/kernel/random/boot_id; shift',
    'n="$1"; shift; while [ "$n" -gt 0 ]; do mount --bind "$1" "$2"; shift 2; n=$((n-1)); done',
    'set +e',
    '"$@"; exit $?',
  ].join('\n');
  const namespaces = ['--pid', '--uts', '--mount', '--fork', '--kill-child'];
  const service = [process.execPath, program, JSON.stringify(order)];
  const child = spawn(
    'unshare',
    [...namespaces, 'sh', '-c', script, host, boot, String(mounts.length), ...mounts.flat(), ...service],
    { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...environment } },
  );
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const ended = new Promise<Ended>(resolve => {
    child.on('close', () => resolve({ answer: stdout === '' ? null : (JSON.parse(stdout) as unknown), stderr }));
  });
  return { process: child, ended };
}

/** Runs a service to its end, which must be its answer. */
export async function inContainer(order: Order, container: Container, scratch: string): Promise<Answer> {
  const { answer, stderr } = await startContainer(order, container, scratch).ended;
  if (answer === null) throw new Error(`The service gave no answer.\n${stderr}`);
  return answer as Answer;
}

/** `false`, or why there are no containers here. */
export function whyNoContainers(): false | string {
  if (process.platform !== 'linux') return 'needs Linux';
  if (process.getuid?.() !== 0) return 'needs root';
  const { status } = spawnSync('unshare', ['--pid', '--uts', '--mount', '--fork', 'true']);
  return status === 0 ? false : 'needs the right to make namespaces (CAP_SYS_ADMIN)';
}
