/**
 * Parses the header of a `-journal` file, which decides whether SQLite would play it back.
 * https://sqlite.org/fileformat2.html#rollbackjournal
 */
import { journalMagic, superJournalBytes, superJournalIn } from '../base/journal-trailer';
import { readBytes } from './byte-reader';

export interface RollbackJournal {
  readonly fileBytes: number;
  /** `'header'`: has the signature. `'zeroed'`: finished (`journal_mode=PERSIST`). `'other'`: written incompletely. */
  readonly kind: 'empty' | 'header' | 'zeroed' | 'other';
  /** Page count in the header; `null`: as many as the file holds. */
  readonly pages: number | null;
  /** Pages of the database before the transaction. */
  readonly databasePages: number;
  /** The super-journal of several databases to which this journal belongs. */
  readonly superJournal: string | null;
}

const headerBytes = 28;
const uncounted = 0xffffffff;

/** Returns `null` if the file does not exist. */
export function readRollbackJournal(path: string): RollbackJournal | null {
  return readBytes(path, reader => {
    const header = reader.read(0, headerBytes);
    const rest = { fileBytes: reader.size, pages: null, databasePages: 0, superJournal: null };
    if (header.length === 0) return { ...rest, kind: 'empty' };
    if (header[0] === 0) return { ...rest, kind: 'zeroed' };
    if (header.length < headerBytes || !header.subarray(0, 8).equals(journalMagic)) return { ...rest, kind: 'other' };
    const count = header.readUInt32BE(8);
    const tail = reader.read(Math.max(0, reader.size - superJournalBytes), superJournalBytes);
    return {
      fileBytes: reader.size,
      kind: 'header',
      pages: count === uncounted ? null : count,
      databasePages: header.readUInt32BE(16),
      superJournal: superJournalIn(tail)?.toString() ?? null,
    };
  });
}
