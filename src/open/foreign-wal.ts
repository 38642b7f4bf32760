/**
 * Detects a `-wal` that belongs to another database than the one beside it: a restored backup, a `cp`, a checkout, with
 * the `-wal` of a killed process left behind. SQLite would play it into the file.
 *
 * First by stat(2), which never matches an ordinary crash: the database changed after the last write to the `-wal`, or
 * was created after it. Then by content: after a checkpoint the pages of the database equal frames of the `-wal`. One page
 * may do so by chance (a flag that was set and reset): unless all do, or those that a checkpoint copies first, SQLite checks
 * the database together with that `-wal`; nothing is copied.
 */
import { readSync } from 'node:fs';
import { errorCode } from '../base/foreign-error';
import type { FileIdentity } from '../base/file-identity';
import { sameFile } from '../base/file-identity';
import { readPage } from '../connection/set-pragmas';
import type { Verbose } from '../connection/verbose';
import { NativeDatabase } from '../native/better-sqlite3';
import type { ResolvedOptions } from '../options/resolved';
import { OrphanedJournalError } from '../errors/refusals';
import { newestDescriptorsOn } from '../proc/descriptors';
import { identityNow } from '../proc/path-identity';
import type { WalSuspicion } from '../filesystem/wal-age';
import type { PlanWarning } from '../policy/plan';
import { sizeOf } from '../sentinel/descriptor-state';
import { frameHeaderBytes, frameOffset, indexHeaderBytes, parseIndexHeader } from '../sentinel/wal-index';

/** The part of a connection that asks SQLite. */
interface Judged {
  readonly native: Pick<NativeDatabase.Database, 'pragma'>;
  readonly verbose: Pick<Verbose, 'quietly'>;
}

/** Maximum frames read and pages compared. */
const mostFrames = 8192;
const mostPages = 512;

/**
 * Called after SQLite has opened the database, and before anything is written: throws `OrphanedJournalError` if the
 * database is broken together with that `-wal`. Returns a warning if it is sound, but nothing shows that they belong
 * together.
 */
export function judgeSuspectWal(connection: Judged, suspicion: WalSuspicion): PlanWarning | null {
  const { file, contentIsNewer } = suspicion;
  const identity = identityNow(file);
  const copied = identity === null ? 'none' : copiedPages(file, identity);
  if (copied === 'cut short') throw foreignWal(file, 'its pages do not reach to those of the -wal');
  if (copied === 'by a checkpoint') return null;
  const problem = checkTogether(connection);
  if (problem !== null) throw foreignWal(file, problem);
  if (!contentIsNewer || copied === 'some') return null;
  return {
    code: 'wal-older-than-database',
    message: `${file} was written after ${file}-wal, which another process left. SQLite finds no fault in the two together. If a backup was restored there, that -wal changes its state: close, move the -wal away, and restore again.`,
  };
}

/**
 * The same for a file that is to be attached, or checkpointed by the command: before SQLite attaches it, through a connection that only reads, whose close
 * never checkpoints. What else stands in the text of the ATTACH cannot write into the file first.
 */
export function judgeSuspectAttached(
  suspicion: WalSuspicion,
  { nativeBinding, timeout }: Pick<ResolvedOptions, 'nativeBinding' | 'timeout'>,
): PlanWarning | null {
  try {
    const binding = nativeBinding === null ? {} : { nativeBinding: nativeBinding as string };
    const native = new NativeDatabase(suspicion.file, { readonly: true, fileMustExist: true, timeout, ...binding });
    try {
      readPage(native, 'main');
      return judgeSuspectWal({ native, verbose: { quietly: run => run() } }, suspicion);
    } finally {
      native.close();
    }
  } catch (error) {
    if (error instanceof OrphanedJournalError) throw error;
    const failure = foreignWalFailure(error, suspicion);
    if (failure !== null) throw failure;
    return null; // The ATTACH itself fails for the same reason, and says it.
  }
}

/** Returns the refusal for an open that fails in SQLite itself; null if the failure has another reason. */
export function foreignWalFailure(error: unknown, suspicion: WalSuspicion | null): OrphanedJournalError | null {
  const code = errorCode(error) ?? '';
  if (suspicion === null || !(code.startsWith('SQLITE_CORRUPT') || code === 'SQLITE_NOTADB')) return null;
  return foreignWal(suspicion.file, code, error);
}

function foreignWal(file: string, problem: string, cause?: unknown): OrphanedJournalError {
  return new OrphanedJournalError(
    `Refused to open ${file}: ${file}-wal is older than the database beside it and belongs to another one; together they are broken (${problem}). Nothing was copied.`,
    {
      hint: `If ${file} is what you want (a restored backup), move ${file}-wal and ${file}-shm away, for example to ${file}.old-wal, and open it again. If you want the transactions in the -wal, put the database that it belongs to back.`,
      details: { file, journal: `${file}-wal`, problem },
      ...(cause === undefined ? {} : { cause }),
    },
  );
}

function checkTogether({ native, verbose }: Judged): string | null {
  try {
    const answer = verbose.quietly(() => structureOf(native));
    return answer === 'ok' ? null : String(answer).slice(0, 200);
  } catch (error) {
    const code = errorCode(error) ?? '';
    // A schema with functions of the application cannot be checked here, which proves nothing.
    return code.startsWith('SQLITE_CORRUPT') || code === 'SQLITE_NOTADB' ? code : null;
  }
}

/** Without the CHECK constraints: a row that violates one says nothing about the `-wal`. */
function structureOf(native: Judged['native']): unknown {
  native.pragma('ignore_check_constraints=ON');
  try {
    return native.pragma('integrity_check(1)', { simple: true });
  } finally {
    native.pragma('ignore_check_constraints=OFF');
  }
}

type Copied = 'by a checkpoint' | 'some' | 'none';

/** Bytes by which a database may be shorter than SQLite's checkpoint wants it, beside the frames. @see walCheckpoint in wal.c */
const allowedGap = 65_536;

/**
 * How many pages of the database equal a frame of the `-wal`. Also `'by a checkpoint'` if the index shows that it was in use
 * before this connection, or if it holds no valid frame. `'cut short'`: SQLite's own checkpoint would call it damaged.
 */
function copiedPages(file: string, identity: FileIdentity): Copied | 'cut short' {
  const [wal, index] = [identityNow(`${file}-wal`), identityNow(`${file}-shm`)];
  // SQLite uses the -wal differently, or not at all: the check decides.
  if (wal === null || index === null) return 'none';
  const found = newestDescriptorsOn(identity, wal, index);
  if (!found.supported) return 'none';
  const fdOn = (wanted: FileIdentity): number | undefined =>
    found.descriptors.find(each => sameFile(each.identity, wanted))?.fd;
  const [databaseFd, walFd, indexFd] = [fdOn(identity), fdOn(wal), fdOn(index)];
  if (databaseFd === undefined || walFd === undefined || indexFd === undefined) return 'none';
  const header = read(indexFd, indexHeaderBytes, 0);
  const parsed = header.length < indexHeaderBytes ? null : parseIndexHeader(header);
  if (parsed === null) return 'none';
  if (parsed.frames === 0 || parsed.copied !== 0 || parsed.attempted !== parsed.frames) return 'by a checkpoint';
  const { pageSize } = parsed;
  const size = sizeOf(databaseFd);
  if (size !== null && parsed.pages * pageSize > size + allowedGap + parsed.frames * pageSize) return 'cut short';
  const versions = new Map<number, number[]>();
  for (let frame = 1; frame <= Math.min(parsed.frames, mostFrames); frame++) {
    const head = read(walFd, frameHeaderBytes, frameOffset(frame, pageSize));
    if (head.length < frameHeaderBytes) return 'none';
    const page = head.readUInt32BE(0);
    const known = versions.get(page);
    if (known !== undefined) known.push(frame);
    else if (versions.size < mostPages) versions.set(page, [frame]);
  }
  const equals = [...versions].map(([page, frames]): ComparedPage => {
    const content = read(databaseFd, pageSize, (page - 1) * pageSize);
    const isEqual = (frame: number): boolean =>
      read(walFd, pageSize, frameOffset(frame, pageSize) + frameHeaderBytes).equals(content);
    return { page, isCopied: content.length === pageSize && frames.toReversed().some(isEqual) };
  });
  return whoCopied(equals);
}

export interface ComparedPage {
  readonly page: number;
  /** The page of the database equals one of its frames. */
  readonly isCopied: boolean;
}

/** So many equal pages in the order of a checkpoint are no chance. */
const fewestCopied = 8;

/**
 * Pure. `compared`: the pages in the order of their first frames. A checkpoint copies all, or, where a reader or a kill stopped
 * it, the pages of the first frames, or those of the lowest numbers.
 */
export function whoCopied(compared: readonly ComparedPage[]): Copied {
  const copied = compared.filter(({ isCopied }) => isCopied).length;
  if (copied === compared.length) return 'by a checkpoint';
  if (copied === 0) return 'none';
  const comeFirst = (pages: readonly ComparedPage[]): boolean =>
    pages.slice(0, copied).every(({ isCopied }) => isCopied);
  const byNumber = compared.toSorted((one, other) => one.page - other.page);
  return copied >= fewestCopied && (comeFirst(compared) || comeFirst(byNumber)) ? 'by a checkpoint' : 'some';
}

function read(fd: number, length: number, position: number): Buffer {
  const bytes = Buffer.alloc(length);
  try {
    return bytes.subarray(0, readSync(fd, bytes, 0, length, position));
  } catch {
    return bytes.subarray(0, 0);
  }
}
