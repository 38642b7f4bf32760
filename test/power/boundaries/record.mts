/** Plays one script in a process of its own and brings back what it did to the disk. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { Cast } from './cast.mts';
import type { Part } from './play.mts';
import { readTrace, recording, type TraceEvent } from './trace.mts';

export interface BaseFile {
  readonly inode: bigint;
  readonly content: Buffer;
}

export interface Recording {
  readonly cast: Cast;
  /** The folder of the run. Its path is part of the record: super-journals name it. */
  readonly folder: string;
  /** What stood there before, by path. */
  readonly base: ReadonlyMap<string, BaseFile>;
  readonly events: readonly TraceEvent[];
  /** What stands there afterwards, by path. */
  readonly end: ReadonlyMap<string, Buffer>;
  /** Keeps the record where a later run can load it; returns the folder. */
  keep(): string;
}

/** Only the order of the calls is recorded, so memory is as good as a disk, and much faster. */
export const place = existsSync('/dev/shm') ? '/dev/shm' : tmpdir();
const prefix = 'safe-sqlite-boundaries-';

const program = join(import.meta.dirname, 'script.scenario.mts');
/** Far beyond what a script takes. */
const timeoutMs = 60_000;

/** Plays a script and records it. The folder is the caller's to remove. */
export async function record(cast: Cast): Promise<Recording> {
  const root = realpathSync(mkdtempSync(join(place, prefix)));
  const folder = join(root, 'run');
  mkdirSync(folder);
  await play(cast, 'prepare', folder, {});
  const base = baseOf(folder);
  cpSync(folder, join(root, 'base'), { recursive: true });
  const trace = join(root, 'trace');
  await play(cast, 'run', folder, recording(trace, folder));
  const inodes = Object.fromEntries([...base].map(([path, { inode }]) => [path, String(inode)]));
  writeFileSync(join(root, 'about.json'), JSON.stringify({ cast, folder, inodes }));
  return {
    cast,
    folder,
    base,
    events: readTrace(trace),
    end: contentsOf(folder),
    keep: () => {
      const kept = mkdtempSync(join(tmpdir(), 'safe-sqlite-kept-trace-'));
      for (const name of ['base', 'trace', 'about.json'])
        cpSync(join(root, name), join(kept, name), { recursive: true });
      return kept;
    },
  };
}

/** Loads what `keep` kept; its folder is made anew under the same path. */
export function load(kept: string): Recording {
  const { cast, folder, inodes } = JSON.parse(readFileSync(join(kept, 'about.json'), 'utf8')) as {
    cast: Cast;
    folder: string;
    inodes: Record<string, string>;
  };
  mkdirSync(folder, { recursive: true });
  const base = new Map(
    Object.entries(inodes).map(([path, inode]) => {
      const content = readFileSync(join(kept, 'base', path.slice(folder.length + 1)));
      return [path, { inode: BigInt(inode), content }] as const;
    }),
  );
  return { cast, folder, base, events: readTrace(join(kept, 'trace')), end: new Map(), keep: () => kept };
}

export function discard({ folder }: Pick<Recording, 'folder'>): void {
  const root = join(folder, '..');
  if (root.startsWith(join(place, prefix))) rmSync(root, { recursive: true, force: true });
}

async function play(
  cast: Cast,
  phase: Part['phase'],
  folder: string,
  environment: Readonly<Record<string, string>>,
): Promise<void> {
  const { code, signal, stderr } = await playInChild(program, { ...cast, phase, folder }, environment);
  // A preparation that ends in a crash ends itself with SIGKILL.
  if (code === 0 || (phase === 'prepare' && signal === 'SIGKILL')) return;
  throw new Error(`The script ${cast.script} by ${cast.subject} ended with ${code ?? signal} in ${phase}.\n${stderr}`);
}

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stderr: string;
}

/** Plays a part in a process of its own, to its end. */
export async function playInChild(
  path: string,
  part: Part,
  environment: Readonly<Record<string, string>>,
): Promise<Ended> {
  const child = spawn(process.execPath, [path, JSON.stringify(part)], {
    stdio: ['ignore', 'inherit', 'pipe'],
    env: { ...process.env, ...environment },
    timeout: timeoutMs,
    killSignal: 'SIGTERM',
  });
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const [code, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null];
  return { code, signal, stderr };
}

export function baseOf(folder: string): Map<string, BaseFile> {
  return new Map(
    [...contentsOf(folder)].map(([path, content]) => [path, { inode: statSync(path, { bigint: true }).ino, content }]),
  );
}

/** The files below a folder, by path. */
export function contentsOf(folder: string): Map<string, Buffer> {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter(entry => entry.isFile());
  return new Map(files.map(({ parentPath, name }) => [join(parentPath, name), readFileSync(join(parentPath, name))]));
}

/** Makes the folder anew with these files. */
export function layOut(folder: string, files: Iterable<readonly [path: string, content: Buffer]>): void {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder);
  for (const [path, content] of files) {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, content);
  }
}

/** Not `-shm`: it is mapped memory that SQLite builds anew, and no disk has to keep it. */
export function isKept(path: string): boolean {
  return !path.endsWith('-shm');
}
