/** Reads the page size of a database. Pure. https://sqlite.org/fileformat2.html#page_size */

/** The page size in the header of a database; 1 stands for 65536, which does not fit into two bytes. */
export function storedPageSize(header: Buffer): number {
  const stored = header.readUInt16BE(16);
  return stored === 1 ? 65_536 : stored;
}

/** A power of two from 512 to 65536. */
export function isPageSize(size: number): boolean {
  return size >= 512 && size <= 65_536 && (size & (size - 1)) === 0;
}
