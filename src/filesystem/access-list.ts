/** Says whether a file has an access control list beside its mode: stat(2) does not show one. */
import { execFile, spawnSync, type SpawnSyncReturns } from 'node:child_process';
import { isNextTickReplaced } from '../base/clock';
import { exists } from '../base/exists';

/**
 * `true`: it has one, and the group bits of its mode are the mask of that list, not what its group may do (acl(5)).
 * `null`: it cannot be told here.
 */
export type AccessList = boolean | null;

/**
 * Node reads no extended attributes. `ls` of GNU coreutils marks the mode of such a file with `+`; that of BusyBox knows
 * neither the mark nor `--author`, and ends with an error.
 */
const ls = ['/usr/bin/ls', '/bin/ls'];
const options = ['-nd', '--author', '-L', '--'];
/** For `ls`, in milliseconds: it answers in two, unless the filesystem hangs. */
const timeout = 5000;
const settings = { encoding: 'utf8', timeout, env: { LC_ALL: 'C' } } as const;

/** Whether the file at `path`, links followed, has an access control list. */
export function accessListOf(path: string): Promise<AccessList> {
  // A test runner has replaced what the output of a process arrives by.
  if (isNextTickReplaced()) return Promise.resolve(accessListNow(path));
  const program = programOf();
  if (program === null) return Promise.resolve(null);
  return new Promise(resolve => {
    execFile(program, [...options, path], settings, (error, stdout) =>
      resolve(error === null ? isMarked(stdout) : null),
    );
  });
}

/** The same, while the calling thread waits. */
export function accessListNow(path: string): AccessList {
  const program = programOf();
  if (program === null) return null;
  const { status, stdout }: SpawnSyncReturns<string> = spawnSync(program, [...options, path], settings);
  return status === 0 ? isMarked(stdout) : null;
}

/**
 * What of `mode` a copy may have. From a source with an access control list only the owner gets access: its mode says
 * nothing of its group. A target that has one, because its folder gives one to new files, gets no group bits that others
 * do not have as well: they would be the mask that makes the list work. Pure.
 */
export function modeBeside(mode: number, lists: { readonly source: AccessList; readonly target: AccessList }): number {
  if (lists.source === true) return mode & 0o700;
  const forOthers = mode & 0o007;
  return lists.target === true ? mode & (0o707 | (forOthers << 3)) : mode;
}

/**
 * What of `mode` a copy may have whose group could not be given: nothing for its group, and for others no more than for the
 * group, whose members are others now. Pure.
 */
export function modeWithoutGroup(mode: number): number {
  return (mode & 0o700) | (mode & 0o007 & (mode >> 3));
}

function programOf(): string | null {
  // Without the right to start programs it cannot be told.
  const { permission } = process as { permission?: { has(scope: string): boolean } };
  if (permission !== undefined && !permission.has('child')) return null;
  return process.platform === 'linux' ? (ls.find(path => exists(path)) ?? null) : null;
}

/** `-rw-r-----+ 1 0 0 …`; a dot is a context of SELinux. */
function isMarked(line: string): boolean {
  return line[10] === '+';
}
