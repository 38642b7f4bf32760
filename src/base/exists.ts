/** Tells whether a file is there, also where Node's permission model lets nobody ask: `existsSync` throws there. */
import { existsSync } from 'node:fs';
import { errorCode } from './foreign-error';

/** False also for a path that this process was given no `--allow-fs-read` for. */
export function exists(path: string): boolean {
  try {
    return existsSync(path);
  } catch (error) {
    if (errorCode(error) === 'ERR_ACCESS_DENIED') return false;
    throw error;
  }
}
