/** Names temporary files after their process, which identifies the leftovers of killed processes. */
import { createHash } from 'node:crypto';
import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';
import { procFolder } from '../base/proc-folder';
import { bootId } from './fence-marker';

export interface ProcessId {
  /** The machine or container that `pid` belongs to. */
  readonly host: string;
  readonly pid: number;
  /** When the process started, as the system counts it; a process id is reused, the pair is not. */
  readonly started: string;
}

/** How long what a process left that cannot be asked (another container, another machine) is left alone after its last write. */
export const foreignAgeMs = {
  /** A folder, in which a copy is built or carried: a day. */
  copy: 86_400_000,
  /** A file that is written at once, as a manifest is, or a folder that has no lock yet: ten minutes. */
  moment: 600_000,
} as const;

/**
 * `.safe-sqlite-<host>-<pid>-<started>-<serial>.tmp`, with what SQLite puts beside it. Hidden, short, and not a
 * database name.
 */
const pattern = /^\.safe-sqlite-([0-9a-f]{8})-(\d+)-([0-9a-z]+)-([0-9a-z]+)\.tmp(?:-journal|-wal|-shm)?$/;

export function temporaryName(owner: ProcessId, serial: string): string {
  return `.safe-sqlite-${owner.host}-${owner.pid}-${owner.started}-${serial}.tmp`;
}

/** Returns the process that wrote the file of this name; `null` if it is not a temporary file of this library. */
export function processIdOf(name: string): ProcessId | null {
  const parts = pattern.exec(name);
  if (parts === null) return null;
  const [, host = '', pid = '', started = ''] = parts;
  return { host, pid: Number(pid), started };
}

/** True if a temporary file may be removed: no living process could still be writing it. */
export function isAbandoned(
  owner: ProcessId,
  here: ProcessId,
  ageMs: number,
  longestMs: number,
  startOf: (pid: number) => string | null,
): { readonly abandoned: boolean; readonly reason: string } {
  if (owner.host !== here.host) {
    return ageMs > longestMs
      ? { abandoned: true, reason: 'another machine or container wrote it, and has not written for long' }
      : { abandoned: false, reason: 'another machine or container may still be writing it' };
  }
  const started = startOf(owner.pid);
  if (started === null) return { abandoned: true, reason: 'its process has ended' };
  if (started !== owner.started) return { abandoned: true, reason: 'its process id belongs to another process' };
  return { abandoned: false, reason: 'its process is alive' };
}

let self: ProcessId | undefined;

/** This process. */
export function thisProcess(): ProcessId {
  self ??= { host: hostMark(), pid: process.pid, started: processStart(process.pid) ?? '0' };
  return self;
}

/**
 * Returns when a process of this machine started: clock ticks since boot if `/proc` has them, else `'0'`; `null`
 * without the process.
 */
export function processStart(pid: number): string | null {
  try {
    const stat = readFileSync(`${procFolder}/${pid}/stat`, 'latin1');
    // The 22nd field, counted from the parenthesis that ends the program's name. proc_pid_stat(5)
    const ticks = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '0';
    return Number(ticks).toString(36);
  } catch {
    return process.platform !== 'linux' && isAlive(pid) ? '0' : null;
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // EPERM: it exists, and belongs to another user. kill(2)
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/**
 * Containers that share a folder have process ids of their own: their namespace distinguishes them. pid_namespaces(7)
 * The first namespace has the same number on every machine, and machines may have equal names: the boot id
 * distinguishes those.
 */
function hostMark(): string {
  let namespace = '';
  try {
    namespace = readlinkSync(`${procFolder}/self/ns/pid`);
  } catch {
    // Not on Linux: there are no such namespaces.
  }
  return createHash('sha256')
    .update(`${hostname()}\n${namespace}\n${bootId() ?? ''}`)
    .digest('hex')
    .slice(0, 8);
}
