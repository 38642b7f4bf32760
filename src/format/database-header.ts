/** The first 100 bytes of a database. https://sqlite.org/fileformat2.html#the_database_header */
import { readBytes } from './byte-reader';

export interface DatabaseHeader {
  /** Bytes, as the operating system says. */
  readonly fileBytes: number;
  /** `'database'`: it begins as one. `'zeros'`: its first bytes are zeros. `'other'`: something else, or encrypted. */
  readonly kind: 'empty' | 'database' | 'zeros' | 'other';
  /** The rest is `null` or 0 where it is no database. */
  readonly journalMode: 'wal' | 'rollback' | null;
  readonly pageSize: number;
  /** Pages as the header counts them; `null` where that count is not valid (a version before 3.7.0 wrote last). */
  readonly pages: number | null;
  readonly freePages: number;
  readonly userVersion: number;
  readonly applicationId: number;
  /** The SQLite that wrote last, for example `'3.54.1'`. */
  readonly writtenBy: string | null;
}

const headerBytes = 100;
const signature = 'SQLite format 3\0';

/** `null` where there is no such file. */
export function readDatabaseHeader(file: string): DatabaseHeader | null {
  return readBytes(file, reader => parseDatabaseHeader(reader.read(0, headerBytes), reader.size));
}

/** Pure: what the first bytes of a file of `fileBytes` say. */
export function parseDatabaseHeader(bytes: Buffer, fileBytes: number): DatabaseHeader {
  const none = { journalMode: null, pageSize: 0, pages: null, freePages: 0, userVersion: 0, applicationId: 0 };
  if (bytes.length === 0) return { fileBytes, kind: 'empty', ...none, writtenBy: null };
  if (bytes.length < headerBytes || bytes.toString('latin1', 0, signature.length) !== signature) {
    const kind = bytes.every(byte => byte === 0) ? 'zeros' : 'other';
    return { fileBytes, kind, ...none, writtenBy: null };
  }
  const size = bytes.readUInt16BE(16);
  // The count of pages is only true if the writer that changed the file last also wrote it.
  const countIsValid = bytes.readUInt32BE(24) === bytes.readUInt32BE(92);
  return {
    fileBytes,
    kind: 'database',
    journalMode: bytes[18] === 2 && bytes[19] === 2 ? 'wal' : 'rollback',
    // 1 stands for 65536, which does not fit.
    pageSize: size === 1 ? 65_536 : size,
    pages: countIsValid ? bytes.readUInt32BE(28) : null,
    freePages: bytes.readUInt32BE(36),
    userVersion: bytes.readInt32BE(60),
    applicationId: bytes.readUInt32BE(68),
    writtenBy: versionText(bytes.readUInt32BE(96)),
  };
}

/** 3054001 -> `'3.54.1'`. https://sqlite.org/c3ref/libversion.html */
function versionText(number: number): string | null {
  if (number < 3_000_000 || number >= 4_000_000) return null;
  return `${Math.floor(number / 1_000_000)}.${Math.floor(number / 1000) % 1000}.${number % 1000}`;
}
