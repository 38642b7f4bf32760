/** Reads the end of a `-journal`, where a transaction over several databases names its super-journal. Pure. */

/** The first bytes of a `-journal`, and its last ones if it names a super-journal. */
export const journalMagic = Buffer.from('d9d505f920a163d7', 'hex');
/** Bytes behind the name of a super-journal: its length, its checksum, the magic. */
const trailerBytes = 16;
const longestName = 4096;

/** At most so many bytes at the end of a `-journal` name a super-journal. */
export const superJournalBytes = longestName + trailerBytes;

/**
 * Returns the name in the last bytes of a `-journal`, as bytes, because a path need not be UTF-8; `null`: it names none. With
 * a wrong checksum SQLite plays the journal back as that of one database (`readSuperJournal` in its pager.c).
 */
export function superJournalIn(tail: Buffer): Buffer | null {
  if (tail.length < trailerBytes || !tail.subarray(-journalMagic.length).equals(journalMagic)) return null;
  const end = tail.length - trailerBytes;
  const length = tail.readUInt32BE(end);
  if (length === 0 || length > end) return null;
  const name = tail.subarray(end - length, end);
  const checksum = tail.readUInt32BE(end + 4);
  return checksum === sumOf(name, byte => byte) || checksum === sumOf(name, asSigned) ? name : null;
}

/** A `char` of C is signed on x86 and unsigned on ARM, so a name beyond ASCII has two checksums. */
function asSigned(byte: number): number {
  return byte < 128 ? byte : byte - 256;
}

function sumOf(bytes: Buffer, valueOf: (byte: number) => number): number {
  return bytes.reduce((sum, byte) => (sum + valueOf(byte)) >>> 0, 0);
}
