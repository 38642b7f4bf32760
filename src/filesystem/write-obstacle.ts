/** Asks the operating system why a write beside a database fails; SQLite does not distinguish these reasons. */
import { accessSync, closeSync, constants, openSync, unlinkSync, writeSync } from 'node:fs';
import { constants as osConstants } from 'node:os';

const obstacles = ['ENOSPC', 'EDQUOT', 'EROFS', 'EACCES', 'EPERM'] as const;

/** No space, quota exceeded, a read-only filesystem, missing rights. */
export type WriteObstacle = (typeof obstacles)[number];

/**
 * Size of the test file in bytes. SQLite writes pages and does not shrink its file after a failure, so less than the
 * largest page, 64 KiB, is left of a full disk or quota.
 */
const probeBytes = 128 * 1024;

/**
 * Returns why a write in the folder of `file` fails, or `null` if it succeeds or fails for another reason (EIO).
 *
 * It writes a small file of its own and removes it; `file` itself is only checked with access(2).
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
    // write(2) stops early at the end of the space; only the next call reports why.
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
