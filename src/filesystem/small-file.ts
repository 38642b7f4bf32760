/** Reads the small files beside a database: no links, only regular files, and no more than a bound. */
import { closeSync, constants, fstatSync, lstatSync, openSync, readSync, type Stats } from 'node:fs';
import { errorCode, errorMessage } from '../base/foreign-error';

/** Why a name is not read: the type of the file, or a system error. */
export type SmallFileObstacle = 'link' | 'folder' | 'special' | 'too-large' | 'unreadable';

export type SmallFile =
  | { readonly state: 'missing' }
  | {
      readonly state: 'refused';
      readonly obstacle: SmallFileObstacle;
      /** For people, with the article: `'a symbolic link'`. */
      readonly what: string;
      /** `null` if it could not be read. */
      readonly uid: number | null;
    }
  | { readonly state: 'read'; readonly text: string; readonly stats: Stats };

/**
 * A link is not followed, and opening a FIFO returns at once. The constants are missing on Windows, which has neither.
 */
const openFlags = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0);

/**
 * Reads the file at `path`, of at most `maxBytes` bytes. Never throws, and never waits for a writer.
 *
 * Any user who may write in the folder may have put something else there: a link, a FIFO, a device, a folder, an
 * endless file. None of them is read. lstat(2) comes before open(2), because opening a device can act on it.
 */
export function readSmallFile(path: string, maxBytes: number): SmallFile {
  let found: Stats | undefined;
  try {
    found = lstatSync(path, { throwIfNoEntry: false });
    if (found === undefined) return { state: 'missing' };
    if (!found.isFile()) return refusedKind(found);
    return readRegular(path, maxBytes);
  } catch (error) {
    const code = errorCode(error);
    if (code === 'ENOENT' || code === 'ENOTDIR') return { state: 'missing' };
    // Exchanged between the two calls.
    if (code === 'ELOOP') return { state: 'refused', obstacle: 'link', what: 'a symbolic link', uid: null };
    const what = `a file that cannot be read (${code ?? errorMessage(error)})`;
    return { state: 'refused', obstacle: 'unreadable', what, uid: found?.uid ?? null };
  }
}

function readRegular(path: string, maxBytes: number): SmallFile {
  const descriptor = openSync(path, openFlags);
  try {
    const stats = fstatSync(descriptor);
    if (!stats.isFile()) return refusedKind(stats);
    // One byte more than allowed. The size in `stats` is not trusted: the file may grow, and a file in /proc has size
    // 0.
    const bytes = Buffer.alloc(maxBytes + 1);
    let length = 0;
    while (length < bytes.length) {
      const read = readSync(descriptor, bytes, length, bytes.length - length, length);
      if (read === 0) return { state: 'read', text: bytes.toString('utf8', 0, length), stats };
      length += read;
    }
    return { state: 'refused', obstacle: 'too-large', what: `a file of more than ${maxBytes} bytes`, uid: stats.uid };
  } finally {
    closeSync(descriptor);
  }
}

function refusedKind(stats: Stats): SmallFile {
  const [obstacle, what] = kindOf(stats);
  return { state: 'refused', obstacle, what, uid: stats.uid };
}

function kindOf(stats: Stats): readonly [SmallFileObstacle, string] {
  if (stats.isSymbolicLink()) return ['link', 'a symbolic link'];
  if (stats.isDirectory()) return ['folder', 'a folder'];
  if (stats.isFIFO()) return ['special', 'a FIFO'];
  if (stats.isSocket()) return ['special', 'a socket'];
  return ['special', 'a device'];
}
