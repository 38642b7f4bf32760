/** Checks for a file, also under Node's permission model, where `existsSync` throws for a path that may not be read. */
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
