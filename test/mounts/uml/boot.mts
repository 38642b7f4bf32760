/**
 * Boots a User Mode Linux kernel on the host's own root (read-only), runs one Node program in it, returns its lines.
 *
 * ```
 *   host                                             guest: kernel of Debian's package user-mode-linux
 *   bootUml({ program, input })                      / = hostfs of the host's /, read-only
 *     run folder: node, program, input.json  <────>  <work>/host = hostfs of the run folder
 *     results.jsonl, output.txt, exit.txt            <work>      = tmpfs: images, services, mounts
 * ```
 */
import { spawn, spawnSync } from 'node:child_process';
import {
  accessSync,
  constants,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statfsSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export interface UmlBoot {
  /** Program run by this Node in the guest as `node program <work> <input.json> <results.jsonl>`. */
  readonly program: URL;
  /** Given to the program as JSON. */
  readonly input: unknown;
  /** The guest ends its program after this many seconds, the host kills the kernel 10 s later. */
  readonly deadlineSeconds: number;
}

export interface UmlRun {
  /** The lines that the program wrote to its results file, parsed. */
  readonly results: unknown[];
  /** What the program printed, standard error included. */
  readonly output: string;
}

const kernel = '/usr/bin/linux.uml';

/** Kernel and programs that the guest needs, by the Debian package that has them. */
const packageOf: Record<string, string> = {
  [kernel]: 'user-mode-linux',
  '/sbin/modprobe': 'kmod',
  '/sbin/ip': 'iproute2',
  '/usr/bin/setpriv': 'util-linux',
};

/** Why no guest can be booted here, or `undefined`; `programs` are the further programs it needs, as in `packageOf`. */
export function umlMissing(programs: Readonly<Record<string, string>> = {}): string | undefined {
  if (process.platform !== 'linux' || process.arch !== 'x64') return 'User Mode Linux runs on Linux x64 only';
  if (process.getuid?.() !== 0) return 'the guest owns the files of its services only where the host runs it as root';
  const wanted = Object.entries({ ...packageOf, ...programs }).filter(([file]) => !existsSync(file));
  const names = [...new Set(wanted.map(([, name]) => name))];
  return names.length === 0 ? whyNoGuest() : `not installed: ${names.join(', ')}`;
}

let guestObstacle: { readonly reason: string | undefined } | undefined;

/** Some kernels of User Mode Linux cannot save the registers of newer processors (AMX): no process of a guest starts. */
function whyNoGuest(): string | undefined {
  if (guestObstacle === undefined) {
    const { stdout, stderr } = spawnSync(
      'unshare',
      [
        '--pid',
        '--fork',
        '--kill-child',
        kernel,
        `mem=${memoryMiB}M`,
        'root=/dev/root',
        'rootfstype=hostfs',
        'rootflags=/',
        'ro',
        'init=/bin/true',
        'con=null',
        'con0=null,fd:1',
      ],
      { encoding: 'utf8', timeout: 30_000, killSignal: 'SIGKILL', env: { ...process.env, TMPDIR: memoryFolder() } },
    );
    const fails = `${stdout}${stderr}`.includes('ptrace set fp regs failed');
    guestObstacle = {
      reason: fails ? 'the kernel of User Mode Linux cannot run a process on this processor' : undefined,
    };
  }
  return guestObstacle.reason;
}

/** Memory of the guest: 512 MiB are enough for the images on its tmpfs, and are only taken as they are used. */
const memoryMiB = 512;

/** Where the kernel keeps the guest's memory: `/dev/shm` where it is large enough (in containers it often is not). */
function memoryFolder(): string {
  try {
    accessSync('/dev/shm', constants.W_OK);
    const { bavail, bsize } = statfsSync('/dev/shm');
    if (bavail * bsize > (memoryMiB + 64) * 2 ** 20) return '/dev/shm';
  } catch {
    // No /dev/shm: the temporary folder does as well, only slower.
  }
  return tmpdir();
}

/** A folder of the host's root that may be covered in the guest: nothing the program needs lies below it. */
function coveredFolder(needed: readonly string[]): string {
  const folder = ['/mnt', '/media', '/srv'].find(
    candidate => existsSync(candidate) && needed.every(path => !path.startsWith(`${candidate}/`)),
  );
  if (folder === undefined) throw new Error('No folder of /mnt, /media and /srv is free to be covered in the guest.');
  return folder;
}

export async function bootUml({ program, input, deadlineSeconds }: UmlBoot): Promise<UmlRun> {
  const run = mkdtempSync(join(tmpdir(), 'safe-sqlite-uml-'));
  try {
    const programPath = fileURLToPath(program);
    // Links keep every path on the kernel command line free of spaces.
    symlinkSync(process.execPath, join(run, 'node'));
    symlinkSync(programPath, join(run, 'program'));
    symlinkSync(fileURLToPath(new URL('init.sh', import.meta.url)), join(run, 'init'));
    writeFileSync(join(run, 'input.json'), JSON.stringify(input));
    writeFileSync(join(run, 'results.jsonl'), '');
    const console_ = await runKernel(
      [
        `mem=${memoryMiB}M`,
        'root=/dev/root',
        'rootfstype=hostfs',
        'rootflags=/',
        'ro',
        `uml_dir=${run}/`,
        `init=${run}/init`,
        'con=null',
        'con0=null,fd:1',
        'quiet',
        `work=${coveredFolder([process.execPath, dirname(programPath), run])}`,
        `run=${run}`,
        `deadline=${deadlineSeconds}`,
      ],
      (deadlineSeconds + 10) * 1000,
    );
    const read = (name: string): string => {
      const path = join(run, name);
      return existsSync(path) ? readFileSync(path, 'utf8') : '';
    };
    const exit = read('exit.txt').trim();
    const output = read('output.txt');
    if (exit !== '0') {
      const end = exit === '' ? 'the guest did not come to its end' : `its program ended with ${exit}`;
      throw new Error(`User Mode Linux: ${end}.\n${read('results.jsonl')}\n${output}\n${console_}`);
    }
    const results = read('results.jsonl').split('\n').filter(Boolean);
    return { results: results.map(line => JSON.parse(line) as unknown), output };
  } finally {
    rmSync(run, { recursive: true, force: true });
  }
}

/** Runs the kernel to its power-off and returns its console; kills it, with every process of the guest, after `ms`. */
function runKernel(parameters: readonly string[], ms: number): Promise<string> {
  return new Promise((resolve, reject) => {
    // Each address space of the guest is a process of the host. They have a process namespace of their own, whose first
    // process the kernel of the guest is: whatever ends that one ends them all (pid_namespaces(7)). It dies with
    // unshare(1), and that with this process, even where it is killed (prctl(2), PR_SET_PDEATHSIG).
    const guest = spawn(
      'setpriv',
      ['--pdeathsig', 'KILL', 'unshare', '--pid', '--fork', '--kill-child', kernel, ...parameters],
      {
        stdio: ['ignore', 'pipe', 'pipe'],
        env: { ...process.env, TMPDIR: memoryFolder() },
      },
    );
    const timer = setTimeout(() => guest.kill('SIGKILL'), ms);
    let text = '';
    const collect = (chunk: Buffer): void => void (text += chunk.toString());
    guest.stdout.on('data', collect);
    guest.stderr.on('data', collect);
    guest.on('error', reject);
    guest.on('close', () => {
      clearTimeout(timer);
      resolve(text);
    });
  });
}
