/** Asks the operating system why nobody can write beside a database: SQLite does not tell these reasons apart. */
import { accessSync, closeSync, constants, openSync, unlinkSync, writeSync } from 'node:fs';
import { constants as osConstants } from 'node:os';

const obstacles = ['ENOSPC', 'EDQUOT', 'EROFS', 'EACCES', 'EPERM'] as const;

/** No room, no quota, a filesystem that is read-only, no rights. */
export type WriteObstacle = (typeof obstacles)[number];

/**
 * Bytes of the file that is written to try. SQLite writes pages and leaves its file as long as it came, so what is left
 * of a full disk or quota is less than the largest page, 64 KiB.
 */
const probeBytes = 128 * 1024;

/**
 * Why a write in the folder of `file` fails, or `null` when it does not, or fails for another reason (EIO).
 *
 * It writes a small file of its own and removes it; `file` itself is only asked for by access(2).
 */
export function findWriteObstacle(file: string): WriteObstacle | null {
  try {
    accessSync(file, constants.W_OK);
  } catch (error) {
    return obstacleIn(error);
  }
  const probe = `${file}-probe-${process.pid}-${Math.random().toString(36).slice(2)}`;
  try {
    write(probe);
    return null;
  } catch (error) {
    return obstacleIn(error);
  } finally {
    remove(probe);
  }
}

function write(path: string): void {
  const descriptor = openSync(path, 'wx', 0o600);
  try {
    const bytes = Buffer.alloc(probeBytes, 1);
    // write(2) stops short where the room ends; only the next one says why.
    for (let done = 0; done < probeBytes;) done += writeSync(descriptor, bytes, done);
  } finally {
    closeSync(descriptor);
  }
}

function remove(path: string): void {
  try {
    unlinkSync(path);
  } catch {
    // Most often it could not be created either.
  }
}

function obstacleIn(error: unknown): WriteObstacle | null {
  // By number: Node has no name for EDQUOT.
  const number: unknown = typeof error === 'object' && error !== null ? Reflect.get(error, 'errno') : undefined;
  return obstacles.find(obstacle => number === -osConstants.errno[obstacle]) ?? null;
}
