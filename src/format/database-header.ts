/** Parses the first 100 bytes of a database. https://sqlite.org/fileformat2.html#the_database_header */
import { readBytes } from './byte-reader';
import { isPageSize, storedPageSize } from '../base/page-size';

export interface DatabaseHeader {
  /** Size of the file as reported by the operating system. */
  readonly fileBytes: number;
  /** `'database'`: has the signature. `'zeros'`: its first bytes are zeros. `'other'`: something else, or encrypted. */
  readonly kind: 'empty' | 'database' | 'zeros' | 'other';
  /** What an `'other'` file is by its first bytes, for example `'a gzip file'`; `null` if they tell nothing. */
  readonly looksLike: string | null;
  /** Why SQLite rejects the header of a `'database'`; `null` if it accepts it. */
  readonly damage: string | null;
  /** The remaining fields are `null` or 0 if it is not a database. */
  readonly journalMode: 'wal' | 'rollback' | null;
  readonly pageSize: number;
  /** Page count in the header; `null` if it is not valid (last written by a version before 3.7.0). */
  readonly pages: number | null;
  readonly freePages: number;
  readonly userVersion: number;
  readonly applicationId: number;
  /** Version of the SQLite that wrote last, for example `'3.54.1'`. */
  readonly writtenBy: string | null;
}

const headerBytes = 100;
const signature = 'SQLite format 3\0';

/** Returns `null` if the file does not exist. */
export function readDatabaseHeader(file: string): DatabaseHeader | null {
  return readBytes(file, reader => parseDatabaseHeader(reader.read(0, headerBytes), reader.size));
}

/** Pure: parses the first bytes of a file of `fileBytes`. */
export function parseDatabaseHeader(bytes: Buffer, fileBytes: number): DatabaseHeader {
  const none = {
    looksLike: null,
    damage: null,
    journalMode: null,
    pageSize: 0,
    pages: null,
    freePages: 0,
    userVersion: 0,
    applicationId: 0,
  };
  if (bytes.length === 0) return { fileBytes, kind: 'empty', ...none, writtenBy: null };
  const begins = bytes.toString('latin1', 0, signature.length) === signature;
  if (begins && bytes.length < headerBytes) {
    const damage = `it ends after ${bytes.length} of ${headerBytes} bytes`;
    return { fileBytes, kind: 'database', ...none, damage, writtenBy: null };
  }
  if (!begins) {
    const kind = bytes.every(byte => byte === 0) ? 'zeros' : 'other';
    return { fileBytes, kind, ...none, looksLike: kind === 'other' ? looksLike(bytes) : null, writtenBy: null };
  }
  // The page count is valid only if the last writer of the file also wrote it.
  const countIsValid = bytes.readUInt32BE(24) === bytes.readUInt32BE(92);
  return {
    fileBytes,
    kind: 'database',
    looksLike: null,
    damage: damageOf(bytes),
    journalMode: bytes[18] === 2 && bytes[19] === 2 ? 'wal' : 'rollback',
    pageSize: storedPageSize(bytes),
    pages: countIsValid ? bytes.readUInt32BE(28) : null,
    freePages: bytes.readUInt32BE(36),
    userVersion: bytes.readInt32BE(60),
    applicationId: bytes.readUInt32BE(68),
    writtenBy: versionText(bytes.readUInt32BE(96)),
  };
}

/** The first bytes of what people put in the place of a database. https://man7.org/linux/man-pages/man5/magic.5.html */
const magic: readonly (readonly [begins: string, what: string])[] = [
  ['\u{1f}\u{8b}', 'a gzip file'],
  ['(\u{b5}/\u{fd}', 'a zstd file'],
  ['\u{fd}7zXZ', 'an xz file'],
  ['BZh', 'a bzip2 file'],
  ['PK\u{3}\u{4}', 'a zip file'],
  ['** This file contains an SQLite 2', 'a database of SQLite 2'],
  ['version https://git-lfs', 'a pointer of Git LFS, not the file itself'],
];

function looksLike(bytes: Buffer): string | null {
  const text = bytes.toString('latin1');
  const found = magic.find(([begins]) => text.startsWith(begins));
  if (found !== undefined) return found[1];
  if (/^\s*<(?:!doctype|html|\?xml)/i.test(text)) return 'a web page or XML';
  return /^(?:PRAGMA |BEGIN|CREATE |INSERT |--)/i.test(text) ? 'a text of SQL statements (a dump)' : null;
}

/**
 * Checks the fields with few valid values, as SQLite does when it opens a file (`lockBtree` in btree.c,
 * sqlite3InitOne).
 */
function damageOf(bytes: Buffer): string | null {
  const pageSize = storedPageSize(bytes);
  const reserved = bytes.readUInt8(20);
  const schemaFormat = bytes.readUInt32BE(44);
  const encoding = bytes.readUInt32BE(56);
  const wrong = [
    { is: !isPageSize(pageSize), field: 'page size', value: pageSize },
    { is: bytes.readUInt8(19) > 2, field: 'read version', value: bytes.readUInt8(19) },
    {
      is: bytes.toString('hex', 21, 24) !== '402020',
      field: 'payload fractions',
      value: bytes.toString('hex', 21, 24),
    },
    { is: pageSize - reserved < 480, field: 'reserved bytes', value: reserved },
    { is: schemaFormat > 4, field: 'schema format', value: schemaFormat },
    { is: encoding > 3, field: 'text encoding', value: encoding },
  ].filter(({ is }) => is);
  return wrong.length === 0 ? null : wrong.map(({ field, value }) => `${field} ${value}`).join(', ');
}

/** 3054001 -> `'3.54.1'`. https://sqlite.org/c3ref/libversion.html */
function versionText(number: number): string | null {
  if (number < 3_000_000 || number >= 4_000_000) return null;
  return `${Math.floor(number / 1_000_000)}.${Math.floor(number / 1000) % 1000}.${number % 1000}`;
}
