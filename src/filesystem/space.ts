/** How much room is left where a file stands. */
import { statfsSync } from 'node:fs';

export interface Space {
  readonly totalBytes: number;
  /** For users other than root. */
  readonly freeBytes: number;
  /** Of these, kept back for root: an ext4 filesystem keeps 5 %. */
  readonly reservedBytes: number;
  /** 0 where the filesystem makes inodes as it needs them. */
  readonly totalInodes: number;
  readonly freeInodes: number;
}

/** statfs(2). Project quotas of xfs and ext4 are already in it; those of users are not. */
export function readSpace(path: string): Space {
  const { bsize, blocks, bfree, bavail, files, ffree } = statfsSync(path);
  return {
    totalBytes: blocks * bsize,
    freeBytes: bavail * bsize,
    reservedBytes: (bfree - bavail) * bsize,
    totalInodes: files,
    freeInodes: ffree,
  };
}
