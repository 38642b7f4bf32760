/** Holds what the parts of a sentinel share when they begin: one stat of each name, and one pass over the descriptors. */
import type { FileIdentity } from '../base/file-identity';
import type { OpenFileScan } from '../proc/descriptors';

export interface AtFirst {
  /** The file that has the name of the `-wal`; null if the name is free. */
  readonly wal: FileIdentity | null;
  /** The same for the `-shm`. */
  readonly index: FileIdentity | null;
  /** At least one descriptor of this process on each of the files. */
  readonly scan: OpenFileScan;
}
