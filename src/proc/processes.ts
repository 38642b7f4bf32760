/**
 * Lists the processes that have the files of a database open, how, and with which locks: for a report from another
 * process.
 */
import { constants, readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs';
import { basename } from 'node:path';
import { procFolder } from '../base/proc-folder';
import { readerTitle } from '../base/reader-title';
import { sameFile, type FileIdentity } from '../base/file-identity';
import { parseFlags, parseTarget } from './descriptors';
import { openerOf, type Opener } from './foreign-descriptors';
import { librariesOf } from './loaded-copies';
import { locksOn } from './lock-table';
import { parseLocks, type HeldLock } from './locks';

/** A file to search for: by its identity and, for deleted or replaced files, by its name. */
export interface WantedFile {
  readonly role: 'database' | 'wal' | 'shm' | 'journal';
  readonly path: string;
  /** `null` if nothing exists at the path. */
  readonly identity: FileIdentity | null;
}

export interface OpenFile {
  readonly role: WantedFile['role'];
  /** `null` if only the locks are visible, in `/proc/locks`: the process belongs to another user. */
  readonly fd: number | null;
  /** The open file is no longer the one at the path. */
  readonly gone: boolean;
  readonly opener: Opener;
  readonly writable: boolean;
  readonly locks: readonly HeldLock[];
}

export interface HoldingProcess {
  readonly pid: number;
  /** Program and script, for example `'node server.js'`, without further arguments, which may hold secrets. */
  readonly command: string;
  /** `null` if it could not be read. */
  readonly uid: number | null;
  readonly files: readonly OpenFile[];
  /** Suspended by a signal or a debugger: it keeps its locks, and does not run. */
  readonly stopped: boolean;
  /** Mapped libraries and addons that may contain a SQLite. */
  readonly libraries: readonly string[];
}

export interface ProcessScan {
  readonly processes: readonly HoldingProcess[];
  /** Processes of other users, whose descriptors only root can see. */
  readonly unseenProcesses: number;
  /** Every process of the machine is in the list: this one is in its first pid namespace. `null` where that is not known. */
  readonly wholeMachine: boolean | null;
}

/** Returns `null` without `/proc`. */
export function scanProcesses(wanted: readonly WantedFile[]): ProcessScan | null {
  const pids = list(procFolder)
    ?.filter(name => /^\d+$/.test(name))
    .map(Number);
  if (pids === undefined) return null;
  const processes: HoldingProcess[] = [];
  let unseenProcesses = 0;
  for (const pid of pids) {
    if (pid === process.pid) continue;
    const descriptors = list(`${procFolder}/${pid}/fd`);
    if (descriptors === null) {
      if (exists(pid)) unseenProcesses++;
      continue;
    }
    const files = descriptors.flatMap(fd => inspect(pid, Number(fd), wanted));
    if (files.length > 0) processes.push(describe(pid, files));
  }
  return {
    processes: [...processes, ...lockHolders(wanted, new Set(processes.map(({ pid }) => pid)))],
    unseenProcesses,
    wholeMachine: isFirstNamespace(namespaceOf()),
  };
}

/** The first pid namespace of a machine has a number of its own: PROC_PID_INIT_INO in include/linux/proc_ns.h. */
const firstNamespace = 'pid:[4026531836]';

/** Pure: whether processes of sibling namespaces (another container, `unshare --pid`) cannot exist beside this one. */
export function isFirstNamespace(name: string | null): boolean | null {
  return name === null ? null : name === firstNamespace;
}

function namespaceOf(): string | null {
  try {
    return readlinkSync(`${procFolder}/self/ns/pid`);
  } catch {
    return null;
  }
}
/** Processes that hold locks on the files without visible descriptors: those of other users, unless this is root. */
function lockHolders(wanted: readonly WantedFile[], seen: ReadonlySet<number>): readonly HoldingProcess[] {
  const files = new Map<number, OpenFile[]>();
  for (const { role, identity } of wanted) {
    const locks = (identity === null ? [] : locksOn(identity)).filter(({ pid }) => !seen.has(pid));
    for (const pid of new Set(locks.map(lock => lock.pid))) {
      const own = locks.filter(lock => lock.pid === pid).map(({ kind, start, end }) => ({ kind, start, end }));
      const file: OpenFile = { role, fd: null, gone: false, opener: 'sqlite', writable: false, locks: own };
      files.set(pid, [...(files.get(pid) ?? []), file]);
    }
  }
  return [...files].map(([pid, open]) => describe(pid, open));
}

function describe(pid: number, files: readonly OpenFile[]): HoldingProcess {
  const status = text(`${procFolder}/${pid}/status`);
  const uid = /^Uid:\s+\d+\s+(\d+)/m.exec(status)?.[1];
  return {
    pid,
    command: commandOf(text(`${procFolder}/${pid}/cmdline`).split('\0'), text(`${procFolder}/${pid}/comm`).trim()),
    uid: uid === undefined ? null : Number(uid),
    files,
    // T: stopped by a signal, t: by a debugger. proc_pid_status(5)
    stopped: /^State:\s+[Tt]\b/m.test(status),
    libraries: librariesOf(pid),
  };
}

/** Pure: `['/usr/bin/node', '--import', 'x', '/app/server.js', '--password=y']` -> `'node server.js'`. */
export function commandOf(argv: readonly string[], name: string): string {
  const [program = '', ...rest] = argv;
  if (program === '') return name;
  // The title of a reader of this library names its parent and database, without values.
  if (program.startsWith(readerTitle)) return program.trim();
  const script = rest.find(each => /\.(?:[cm]?[jt]s|py|rb|php|jar)$/.test(each));
  return script === undefined ? basename(program) : `${basename(program)} ${basename(script)}`;
}

/**
 * Reads the inode from `fdinfo` and calls stat only for a possible match: a descriptor on a mount whose server is dead
 * would make stat(2) hang.
 */
function inspect(pid: number, fd: number, wanted: readonly WantedFile[]): OpenFile[] {
  const link = `${procFolder}/${pid}/fd/${fd}`;
  const fdinfo = text(`${procFolder}/${pid}/fdinfo/${fd}`);
  const target = targetOf(link);
  if (target === null) return [];
  // Printed since Linux 5.14.
  const inode = /^ino:\s*(\d+)$/m.exec(fdinfo)?.[1];
  const found = wanted.find(
    ({ path, identity }) => path === target.path || (identity !== null && String(identity.ino) === inode),
  );
  if (found === undefined) return [];
  const identity = identityOf(link);
  if (identity === null) return [];
  const same = found.identity !== null && sameFile(identity, found.identity);
  if (!same && target.path !== found.path) return [];
  const flags = parseFlags(fdinfo);
  const writable = flags !== null && (flags & (constants.O_WRONLY | constants.O_RDWR)) !== 0;
  return [{ role: found.role, fd, gone: !same, opener: openerOf(flags), writable, locks: locksIn(fdinfo) }];
}

/** JSON has no infinity. */
function locksIn(fdinfo: string): readonly HeldLock[] {
  return parseLocks(fdinfo).map(lock => ({ ...lock, end: Math.min(lock.end, Number.MAX_SAFE_INTEGER) }));
}

function targetOf(link: string): ReturnType<typeof parseTarget> {
  try {
    return parseTarget(readlinkSync(link));
  } catch {
    return null; // Closed since the listing.
  }
}

function identityOf(link: string): FileIdentity | null {
  try {
    const { dev, ino } = statSync(link, { bigint: true });
    return { dev, ino };
  } catch {
    return null;
  }
}

function exists(pid: number): boolean {
  // Kernel threads have no command line and no descriptors.
  return text(`${procFolder}/${pid}/cmdline`) !== '';
}

function text(path: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return ''; // The process has ended or may not be inspected.
  }
}

function list(folder: string): readonly string[] | null {
  try {
    return readdirSync(folder);
  } catch {
    return null;
  }
}
