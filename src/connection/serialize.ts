/** Implements `db.serialize()`: an image that can be opened again, even of a database in WAL mode. */

/**
 * Offsets of the file format write and read versions in the header.
 * https://sqlite.org/fileformat2.html#file_format_version_numbers
 */
const writeVersion = 18;
const readVersion = 19;
const rollbackVersion = 1;
const walVersion = 2;

/**
 * SQLite serializes through its page cache, so the image includes the WAL; only the header still says "WAL", and an
 * in-memory database cannot be opened in that mode ("unable to open database file").
 */
export function withoutWalMark(image: Buffer): Buffer {
  if (image.length > readVersion && image[readVersion] === walVersion) {
    image[writeVersion] = rollbackVersion;
    image[readVersion] = rollbackVersion;
  }
  return image;
}
