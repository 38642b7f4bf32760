/** Makes real mounts for one test file, and always takes them away: after the tests, at exit, and those that a killed run left. */
import { after } from 'node:test';
import { execFileSync, spawn, spawnSync, type ChildProcess } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';

/** Not the folder for temporary files: that is memory on many machines, and an image in memory is judged as memory. */
const place = '/var/tmp';
const prefix = 'safe-sqlite-mounts-';

/** Long enough for a mkfs on a busy machine. */
const commandTimeoutMs = 60_000;

export interface Lab extends Disposable {
  /** A fresh folder below the lab. */
  readonly folder: (name: string) => string;
  /** A sparse file of `bytes`, made into a filesystem by `mkfs`, whose last argument it becomes. */
  readonly image: (bytes: number, ...mkfs: readonly string[]) => string;
  /** `mount ...args target`; returns the target. */
  readonly mount: (...args: readonly string[]) => string;
  /** The same at a place that exists. */
  readonly mountAt: (target: string, ...args: readonly string[]) => void;
  readonly umount: (target: string) => void;
  /** Starts a FUSE daemon that stays in the foreground, and waits until its mount is there. */
  readonly fuse: (target: string, command: string, ...args: readonly string[]) => ChildProcess;
  /** Where a command keeps things that must not be on the root filesystem; removed with the lab. */
  readonly root: string;
}

/** `false`, or the reason why no mount can be made here. */
export function whyNoMounts(...tools: readonly string[]): false | string {
  if (process.platform !== 'linux') return 'needs Linux';
  if (process.getuid?.() !== 0) return 'needs root';
  if (spawnSync('unshare', ['--mount', 'true']).status !== 0) return 'needs the right to mount (CAP_SYS_ADMIN)';
  const missing = tools.filter(tool => spawnSync('sh', ['-c', `command -v ${tool}`]).status !== 0);
  if (missing.length > 0) return `needs ${missing.join(', ')}`;
  return false;
}

/** `false`, or the reason why this kernel cannot mount `type`. */
export function whyNoType(type: string): false | string {
  spawnSync('modprobe', [type], { stdio: 'ignore' });
  const types = readFileSync('/proc/filesystems', 'utf8').split(/\s+/);
  return types.includes(type) ? false : `needs ${type} in the kernel`;
}

/** Call it once a file, at its top level. */
export function makeLab(): Lab {
  const lab = createLab();
  after(() => lab[Symbol.dispose]());
  return lab;
}

/** The same for a command that is no test. */
export function createLab(): Lab {
  sweep();
  const root = realpathSync(mkdtempSync(join(place, `${prefix}${process.pid}-`)));
  const daemons: ChildProcess[] = [];
  let count = 0;
  const next = (name: string) => join(root, `${++count}-${name}`);
  const folder = (name: string) => {
    const path = next(name);
    mkdirSync(path);
    return path;
  };
  const mountAt = (target: string, ...args: readonly string[]) => run('mount', ...args, target);
  const end = () => {
    for (const daemon of daemons) daemon.kill('SIGCONT');
    takeAway(root);
    for (const daemon of daemons) daemon.kill('SIGKILL');
  };
  process.once('exit', end);
  return {
    root,
    [Symbol.dispose]: () => {
      process.off('exit', end);
      end();
    },
    folder,
    image: (bytes, ...mkfs) => {
      const path = next('image');
      writeFileSync(path, '');
      truncateSync(path, bytes);
      const [command = '', ...args] = mkfs;
      run(command, ...args, path);
      return path;
    },
    mount: (...args) => {
      const target = folder('mount');
      mountAt(target, ...args);
      return target;
    },
    mountAt,
    umount: target => {
      run('umount', target);
      waitUntilReleased(target);
    },
    fuse: (target, command, ...args) => {
      const daemon = spawn(command, args, { stdio: ['ignore', 'ignore', 'pipe'] });
      daemons.push(daemon);
      // The daemon answers soon or never: waiting synchronously keeps the tests in order.
      const deadline = Date.now() + commandTimeoutMs;
      while (!isMounted(target)) {
        if (Date.now() > deadline) throw new Error(`${command} did not mount ${target}`);
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5);
      }
      return daemon;
    },
  };
}

export function run(command: string, ...args: readonly string[]): string {
  return execFileSync(command, args, {
    encoding: 'utf8',
    timeout: commandTimeoutMs,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

function isMounted(target: string): boolean {
  return mountPoints().includes(target);
}

function mountPoints(): readonly string[] {
  const lines = readFileSync('/proc/self/mountinfo', 'latin1').split('\n');
  return lines.flatMap(line => {
    const escaped = line.split(' ')[4];
    if (escaped === undefined) return [];
    const bytes = escaped.replaceAll(/\\([0-7]{3})/g, (_, octal: string) =>
      String.fromCharCode(Number.parseInt(octal, 8)),
    );
    return [Buffer.from(bytes, 'latin1').toString('utf8')];
  });
}

/** Unmounts everything below `root`, last mounted first, and removes the folder. */
function takeAway(root: string): void {
  if (!existsSync(root)) return;
  for (const target of mountPoints()
    .filter(path => path.startsWith(`${root}/`))
    .toReversed()) {
    if (spawnSync('umount', [target], { stdio: 'ignore' }).status !== 0)
      spawnSync('umount', ['--lazy', target], { stdio: 'ignore' });
  }
  if (mountPoints().some(path => path.startsWith(`${root}/`))) throw new Error(`Mounts are left below ${root}`);
  rmSync(root, { recursive: true, force: true });
}

/** Labs of processes that are gone: a run that was killed could not clean up. */
function sweep(): void {
  for (const name of readdirSync(place)) {
    const pid = new RegExp(`^${prefix}(\\d+)-`).exec(name)?.[1];
    if (pid !== undefined && !existsSync(`/proc/${pid}`)) takeAway(join(realpathSync(place), name));
  }
}

/**
 * Waits until no process has `target` mounted in a namespace of its own: `unshare` copies every mount, and a filesystem
 * that is mounted again while a copy lives is the old one, with its old options and errors.
 */
export function waitUntilReleased(target: string): void {
  const pause = new Int32Array(new SharedArrayBuffer(4));
  for (let tries = 0; tries < 1200 && isMountedAnywhere(target); tries++) Atomics.wait(pause, 0, 0, 50);
}

function isMountedAnywhere(target: string): boolean {
  return readdirSync('/proc').some(pid => {
    if (!/^\d+$/.test(pid)) return false;
    try {
      return readFileSync(`/proc/${pid}/mountinfo`, 'latin1').includes(` ${target} `);
    } catch {
      return false; // The process has ended.
    }
  });
}
