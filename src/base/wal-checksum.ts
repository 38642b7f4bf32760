/** Computes the checksum of WAL frames. Pure. https://sqlite.org/fileformat2.html#checksum_algorithm */

export interface Checksum {
  readonly first: number;
  readonly second: number;
}

/**
 * Continues from `start` over `bytes`, whose length is a multiple of 8; the WAL's magic decides the byte order of the
 * words.
 */
export function walChecksum(bytes: Buffer, start: Checksum, bigEndian: boolean): Checksum {
  const words = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  // Of 32 bits with a sign, which is four times as fast; the bits are the same.
  let first = start.first | 0;
  let second = start.second | 0;
  for (let at = 0; at + 8 <= bytes.length; at += 8) {
    first = (first + words.getInt32(at, !bigEndian) + second) | 0;
    second = (second + words.getInt32(at + 4, !bigEndian) + first) | 0;
  }
  return { first: first >>> 0, second: second >>> 0 };
}
