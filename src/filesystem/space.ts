/** Reads the free space of a file's filesystem. */
import { statfsSync } from 'node:fs';

export interface Space {
  readonly totalBytes: number;
  /** Available to users other than root. */
  readonly freeBytes: number;
  /** Of these, reserved for root: ext4 reserves 5 %. */
  readonly reservedBytes: number;
  /** 0 if the filesystem creates inodes on demand. */
  readonly totalInodes: number;
  readonly freeInodes: number;
}

/** Calls statfs(2). It includes project quotas of xfs and ext4, but not user quotas. */
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
