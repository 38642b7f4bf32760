/** What a file is, whatever path names it. */

/** Device and inode, as `stat` gives them with `bigint: true`: inode numbers may be larger than 2^53. */
export interface FileIdentity {
  readonly dev: bigint;
  readonly ino: bigint;
}

/** The identity as a key of a `Map`. */
export function identityKey(identity: FileIdentity): string {
  return `${identity.dev}:${identity.ino}`;
}

export function sameFile(one: FileIdentity, other: FileIdentity): boolean {
  return one.ino === other.ino && one.dev === other.dev;
}

/** The two halves of a device number. makedev(3): glibc's 64-bit layout */
export function deviceNumbers(dev: bigint): { readonly major: bigint; readonly minor: bigint } {
  return {
    major: ((dev >> 8n) & 0xfffn) | ((dev >> 32n) & 0xfffff000n),
    minor: (dev & 0xffn) | ((dev >> 12n) & 0xffffff00n),
  };
}
