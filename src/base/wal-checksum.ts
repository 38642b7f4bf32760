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

/** The checksum that is stored at an offset. */
export function storedChecksum(bytes: Buffer, offset: number): Checksum {
  return { first: bytes.readUInt32BE(offset), second: bytes.readUInt32BE(offset + 4) };
}

/** Bytes before the page of a frame. */
export const frameHeaderBytes = 24;

/**
 * Returns the checksum in the header of a frame, which continues that of the frame `before`; null if it is not that of its
 * content.
 */
export function frameChecksum(frame: Buffer, before: Checksum, bigEndian: boolean): Checksum | null {
  const start = walChecksum(frame.subarray(0, 8), before, bigEndian);
  const { first, second } = walChecksum(frame.subarray(frameHeaderBytes), start, bigEndian);
  const stored = storedChecksum(frame, 16);
  return stored.first === first && stored.second === second ? stored : null;
}
