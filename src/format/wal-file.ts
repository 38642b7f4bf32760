/**
 * Reads a `-wal` file as bytes and determines which of its frames recovery would accept.
 * https://sqlite.org/fileformat2.html#walformat
 */
import { performance } from '../base/clock';
import { readBytes, type ByteReader } from './byte-reader';
import { isPageSize } from '../base/page-size';
import { frameChecksum, frameHeaderBytes, walChecksum, type Checksum } from '../base/wal-checksum';

export interface WalFile {
  readonly fileBytes: number;
  /** False: the header is damaged or was written incompletely; SQLite ignores such a file. */
  readonly headerValid: boolean;
  readonly pageSize: number;
  /** The two salts that all frames since the last WAL reset share, in hexadecimal. */
  readonly salts: string;
  /** Number of frame slots in the file; those after the valid frames belong to earlier generations of the WAL. */
  readonly framesInFile: number;
  /** Frames from the start with correct checksums. */
  readonly validFrames: number;
  /** Of these, the frames up to the last commit frame, which recovery restores. */
  readonly committedFrames: number;
  /** Commit frames after the valid frames that carry the current salts; recovery will not reach them. */
  readonly unreachableCommits: number;
  /** False: the time ran out before the end, and the counts cover only the part that was read. */
  readonly readInFull: boolean;
}

const headerBytes = 32;
const magicLittle = 0x377f0682;
const magicBig = 0x377f0683;
/** Reads 1 MiB or one frame at a time. */
const chunkBytes = 1_048_576;

/** Returns `null` if the file does not exist. Reads for at most `budgetMs`. */
export function readWalFile(path: string, budgetMs: number): WalFile | null {
  return readBytes(path, reader => scan(reader, performance.now() + budgetMs));
}

function scan(reader: ByteReader, deadline: number): WalFile {
  const header = reader.read(0, headerBytes);
  const magic = header.length === headerBytes ? header.readUInt32BE(0) : 0;
  const bigEndian = magic === magicBig;
  const nothing = { fileBytes: reader.size, headerValid: false, pageSize: 0, salts: '', readInFull: true };
  const noFrames = { framesInFile: 0, validFrames: 0, committedFrames: 0, unreachableCommits: 0 };
  if (magic !== magicLittle && magic !== magicBig) return { ...nothing, ...noFrames };
  const checksum = walChecksum(header.subarray(0, 24), { first: 0, second: 0 }, bigEndian);
  if (!matches(checksum, header, 24)) return { ...nothing, ...noFrames };
  const pageSize = header.readUInt32BE(8);
  // A valid checksum does not make the page size valid; recovery rejects other sizes too.
  if (!isPageSize(pageSize)) return { ...nothing, ...noFrames };
  const framesInFile = Math.floor((reader.size - headerBytes) / (pageSize + frameHeaderBytes));
  return {
    fileBytes: reader.size,
    headerValid: true,
    pageSize,
    salts: header.toString('hex', 16, 24),
    framesInFile,
    ...scanFrames(reader, { pageSize, framesInFile, salts: header.subarray(16, 24), bigEndian, checksum, deadline }),
  };
}

interface Round {
  readonly pageSize: number;
  readonly framesInFile: number;
  readonly salts: Buffer;
  readonly bigEndian: boolean;
  readonly checksum: Checksum;
  readonly deadline: number;
}

function scanFrames(reader: ByteReader, round: Round) {
  let { checksum } = round;
  let [validFrames, committedFrames, unreachableCommits] = [0, 0, 0];
  let broken = false;
  for (const { frame, index } of frames(reader, round)) {
    const ofThisRound = frame.subarray(8, 16).equals(round.salts);
    const endsTransaction = frame.readUInt32BE(4) !== 0;
    if (!broken && ofThisRound) {
      const sum = frameChecksum(frame, checksum, round.bigEndian);
      if (sum !== null) {
        checksum = sum;
        validFrames = index + 1;
        if (endsTransaction) committedFrames = validFrames;
        continue;
      }
    }
    broken = true;
    if (ofThisRound && endsTransaction) unreachableCommits++;
  }
  const readInFull = performance.now() < round.deadline;
  return { validFrames, committedFrames, unreachableCommits, readInFull };
}

function* frames(reader: ByteReader, { pageSize, framesInFile, deadline }: Round) {
  const frameBytes = pageSize + frameHeaderBytes;
  const atOnce = Math.max(1, Math.floor(chunkBytes / frameBytes));
  for (let index = 0; index < framesInFile; index += atOnce) {
    if (performance.now() >= deadline) return;
    const chunk = reader.read(headerBytes + index * frameBytes, atOnce * frameBytes);
    for (let at = 0; (at + 1) * frameBytes <= chunk.length; at++) {
      yield { frame: chunk.subarray(at * frameBytes, (at + 1) * frameBytes), index: index + at };
    }
  }
}

function matches({ first, second }: Checksum, bytes: Buffer, offset: number): boolean {
  return bytes.readUInt32BE(offset) === first && bytes.readUInt32BE(offset + 4) === second;
}
