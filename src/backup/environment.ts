/** What a backup and a restore ask about the files around them; apart, because public types lead here. */
import type { FileIdentity } from '../base/file-identity';

export interface Surroundings {
  /** Whether this process has the file open as a database; opening it with `fs` would then cancel SQLite's locks. */
  readonly isOpenHere: (identity: FileIdentity) => boolean;
  /** Whether the path lies on a filesystem of another machine. */
  readonly isNetwork: (path: string) => boolean | Promise<boolean>;
}
