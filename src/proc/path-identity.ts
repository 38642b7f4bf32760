/** What file a name leads to now. */
import { statSync } from 'node:fs';
import type { FileIdentity } from '../base/file-identity';

/** The identity of the file that `path` names now; null when there is none, or it cannot be asked. */
export function identityNow(path: string): FileIdentity | null {
  try {
    const stats = statSync(path, { bigint: true, throwIfNoEntry: false });
    return stats === undefined ? null : { dev: stats.dev, ino: stats.ino };
  } catch {
    return null;
  }
}
