/** Samples a database: a few bytes at places that are spread evenly over it. */

/** The beginning of a page changes most: bytes of each sample. */
const sampledPlaces = 24;
const sampledBytes = 64;
/** Bytes. A smaller database is one sample, read in one call. */
const sampledWhole = sampledPlaces * 512;

export const databaseHeaderBytes = 100;

/** Fills a buffer from an offset; null if that failed. */
type Read = (into: Buffer, offset: number) => number | null;

/** A small database is one sample, which begins with the header. Null if one of the places could not be read. */
export function headerAndSamples(
  read: Read,
  size: number,
): { readonly header: Buffer; readonly sampled: Buffer } | null {
  const sampled = sampleOf(read, size);
  if (sampled === null) return null;
  const header = Buffer.alloc(databaseHeaderBytes);
  if (sampled.length === size) sampled.copy(header);
  else if (read(header, 0) === null) return null;
  return { header, sampled };
}

function sampleOf(read: Read, size: number): Buffer | null {
  if (size < sampledWhole) {
    const whole = Buffer.alloc(size);
    return read(whole, 0) === null ? null : whole;
  }
  const samples = Buffer.alloc(sampledPlaces * sampledBytes);
  const step = Math.floor(size / sampledPlaces / 512) * 512;
  const part = Buffer.alloc(sampledBytes);
  for (let place = 0; place < sampledPlaces; place++) {
    const got = read(part, place * step);
    if (got === null) return null;
    part.copy(samples, place * sampledBytes, 0, got);
  }
  return samples;
}
