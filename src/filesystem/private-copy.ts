/** Makes a file that a call of SQL writes private while it is written, and gives it at most the access of its sources. */
import { closeSync, constants, fstatSync, lstatSync, openSync, rmSync, statSync, type Stats } from 'node:fs';
import { chmodOpen, chownOpen } from '../base/descriptor-calls';
import { accessListNow, modeBeside, modeWithoutGroup } from './access-list';
import { readSmallFile } from './small-file';

const sharedBits = 0o077;
const groupBits = 0o070;

/** Creates an empty file for this user alone; false where that fails, which SQLite then says itself. */
export function createEmpty(path: string): boolean {
  if (process.platform === 'win32') return false;
  try {
    closeSync(openSync(path, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, 0o600));
    return true;
  } catch {
    return false;
  }
}

/** Removes what {@link createEmpty} made, unless something was written to it. */
export function removeEmpty(path: string): void {
  try {
    const found = lstatSync(path, { throwIfNoEntry: false });
    if (found?.isFile() === true && found.size === 0) rmSync(path);
  } catch {
    // The error that is on its way matters more.
  }
}

/**
 * Gives a file, readable by its user alone until now, the access that every one of `sources` and the umask allow. Without
 * sources, that of any new file of SQLite. Never throws: then it stays private.
 */
export function giveAtMost(path: string, sources: readonly string[]): void {
  try {
    const descriptor = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    try {
      const stats = fstatSync(descriptor);
      if (!stats.isFile() || stats.uid !== process.geteuid?.()) return;
      chmodOpen(descriptor, path, modeFor({ descriptor, path }, stats, sources));
    } finally {
      closeSync(descriptor);
    }
  } catch {
    // It was moved, or the filesystem has no permissions.
  }
}

/** What SQLite creates: `SQLITE_DEFAULT_FILE_PERMISSIONS`. */
const modeOfSqlite = 0o644;

interface OpenFile {
  readonly descriptor: number;
  readonly path: string;
}

function modeFor(file: OpenFile, { gid }: Stats, sources: readonly string[]): number {
  const facts = sources.map(source => ({ source, stats: statSync(source) }));
  let mode = facts.reduce(
    (all, { source, stats }) => {
      const own = stats.mode & 0o777;
      const list = (own & sharedBits) === 0 ? false : accessListNow(source);
      return all & modeBeside(own, { source: list, target: false });
    },
    (sources.length === 0 ? modeOfSqlite : 0o666) & ~umaskNow(),
  );
  const groups = new Set(facts.map(({ stats }) => stats.gid));
  const [group = gid] = groups;
  if ((mode & sharedBits) !== 0 && (groups.size > 1 || !isGiven(file, gid, group))) mode = modeWithoutGroup(mode);
  if ((mode & groupBits) === 0) return mode;
  const target = accessListNow(`/proc/${process.pid}/fd/${file.descriptor}`);
  return modeBeside(mode, { source: false, target });
}

function isGiven({ descriptor, path }: OpenFile, gid: number, group: number): boolean {
  if (gid === group) return true;
  try {
    chownOpen(descriptor, path, fstatSync(descriptor).uid, group);
    return true;
  } catch {
    return false; // Not a member of that group.
  }
}

/** Read, not asked of the process: that sets it for a moment, for every thread. Where it is not to be read, the usual one. */
function umaskNow(): number {
  const found = readSmallFile('/proc/self/status', 65_536);
  const mask = found.state === 'read' ? /^Umask:\s*([0-7]+)$/m.exec(found.text)?.[1] : undefined;
  return mask === undefined ? 0o022 : Number.parseInt(mask, 8);
}
