/** Asks access(2) what this process may do with a path; opens nothing. */
import { accessSync } from 'node:fs';
import { errorCode } from '../base/foreign-error';

/**
 * Returns the error code of access(2); `null` if it permits `wanted`, a set of the constants `R_OK`, `W_OK` and `X_OK`.
 * It checks for the real user and knows read-only mounts.
 */
export function accessError(path: string, wanted: number): string | null {
  try {
    accessSync(path, wanted);
    return null;
  } catch (error) {
    return errorCode(error) ?? 'unknown';
  }
}
