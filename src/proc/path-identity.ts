/** Identifies the file that a path currently names. */
import { statSync } from 'node:fs';
import type { FileIdentity } from '../base/file-identity';

/** Returns the identity of the file that `path` currently names; null if there is none or stat fails. */
export function identityNow(path: string): FileIdentity | null {
  try {
    const stats = statSync(path, { bigint: true, throwIfNoEntry: false });
    return stats === undefined ? null : { dev: stats.dev, ino: stats.ino };
  } catch {
    return null;
  }
}
