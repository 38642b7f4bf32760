/**
 * Detects writes into the files of a WAL database past SQLite: `cp`, `truncate`, an editor, a restore script.
 *
 * Invariants while a connection is open in WAL mode (https://sqlite.org/walformat.html):
 * - the last frame counted in the index is in the `-wal`, with the salts and the checksum of the index, and its header
 *   has these salts;
 * - between two resets of the WAL the index only moves forward;
 * - the database file changes only by checkpoints, and a checkpoint shows in the index: it notes what it is about to
 *   copy
 *   before it writes the first page, and what it has copied after the last one;
 * - a page whose last frame is copied has the content of that frame in the database. For a page with a frame that is
 *   not
 *   yet copied, SQLite need not have copied the earlier ones.
 *
 * Everything is read with pread(2) through descriptors that SQLite has open: nothing is opened or closed, so no lock
 * can be lost. An unreadable file is no finding.
 */
import { fstatSync, ftruncateSync, readSync } from 'node:fs';
import { performance, wallClockNow } from '../base/clock';
import { errorCode, errorMessage } from '../base/foreign-error';
import { sameFile, type FileIdentity } from '../base/file-identity';
import { descriptorsOn } from '../proc/descriptors';
import type { OpenedFiles } from '../proc/opened-files';
import { identityNow } from '../proc/path-identity';
import {
  frameHeaderBytes,
  frameOffset,
  indexHeaderBytes,
  mayBeCopying,
  parseIndexHeader,
  sameCheckpoint,
  withPageSize,
  type IndexHeader,
} from './wal-index';
import type { Doubt, Trusted } from './content-state';
import { leadsTo, sameState, sizeOf, stateOf, type FileState } from './descriptor-state';
import { isSettledQuiet, sameQuiet, type Quiet } from './quiet-state';
import { FrameContents } from './frame-contents';
import { readFrames } from './frame-headers';
import { PageLedger } from './page-ledger';
import { databaseHeaderBytes, headerAndSamples } from './samples';

export interface ContentSubject extends Pick<OpenedFiles, 'wal' | 'scan'> {
  readonly file: string;
  readonly identity: FileIdentity;
  /** SQLite's current descriptors on the database and its `-shm`. */
  readonly descriptors: () => { readonly database: number | null; readonly sharedMemory: number | null };
}

export interface Changed {
  readonly path: string;
  readonly what: 'database' | 'wal' | 'index';
  /** The rest of a sentence that begins with the path. */
  readonly how: string;
}

/** `'commit'`: a few system calls. `'interval'` and `'checkpoint'`: also samples of data that is not being written. */
export type ContentMoment = 'commit' | 'interval' | 'checkpoint';

export interface ContentChecks {
  /** Why a file could not be read, the last time this happened; null while all could be. */
  readonly unreadable: string | null;
  /** True if the last call of `changed` for a checkpoint saw that it has nothing to copy. */
  readonly sawNoFrames: boolean;
  changed(moment: ContentMoment): Changed | null;
}

/** Pages that are compared with their copied frames, and the newest copied frames among which they are looked for. */
const comparedPages = 8;
const sampledFrames = 64;
/** ms. For so long pages are compared in one check when the file was touched and no checkpoint did it. */
const comparedMs = 10;
/** ms. For so long each check remembers more pages. */
const sliceMs = 2;
/** A check during which another process writes is repeated; under constant writes it is postponed. */
const attempts = 6;
/** Milliseconds. A change of the file this short before a check may be followed by one with the same timestamp. */
const clockTickMs = 20;
/** Milliseconds. A state that only a checkpoint in progress explains counts as a finding if it persists longer. */
const doubtMs = 200;
/** Frames that are searched for the first page of the database. */
const searchedFrames = 2000;

export function createContentChecks(subject: ContentSubject): ContentChecks {
  return new ContentWatch(subject);
}

/** One for each database of a thread. */
class ContentWatch implements ContentChecks {
  readonly #file: string;
  readonly #wal: string;
  readonly #shm: string;
  readonly #descriptors: ContentSubject['descriptors'];
  readonly #inode: number;
  readonly #indexBytes = Buffer.alloc(indexHeaderBytes);
  readonly #frameBytes = Buffer.alloc(frameHeaderBytes);
  #tail = Buffer.alloc(0);
  #walDescriptor: number | null = null;
  #walIdentity: FileIdentity | null = null;
  #seen: IndexHeader | null = null;
  #trusted: Trusted | null = null;
  #doubt: Doubt | null = null;
  readonly #ledger = new PageLedger();
  readonly #frames = new FrameContents();
  /** The file as the ledger last followed it, if a later write certainly leaves another timestamp. */
  #followed: FileState | null = null;
  /** The same during a look, before it is certain that no checkpoint has written since the index was read. */
  #following: FileState | null = null;
  #indexSize = 0;
  #quiet: Quiet | null = null;
  #unreadable: string | null = null;
  sawNoFrames = false;

  constructor({ file, identity, descriptors, wal, scan }: ContentSubject) {
    this.#file = file;
    this.#wal = `${file}-wal`;
    this.#shm = `${file}-shm`;
    this.#descriptors = descriptors;
    this.#inode = Number(identity.ino);
    const open =
      wal !== null && scan.supported ? scan.descriptors.find(each => sameFile(each.identity, wal)) : undefined;
    if (open === undefined) return;
    this.#walIdentity = wal;
    this.#walDescriptor = open.fd;
  }

  get unreadable(): string | null {
    return this.#unreadable;
  }

  changed(moment: ContentMoment): Changed | null {
    this.sawNoFrames = false;
    for (let attempt = 0; attempt < attempts; attempt++) {
      const found = this.#look(moment);
      if (found !== 'anew') return found;
    }
    return null;
  }

  /** Returns the number of bytes read into the buffer; null if reading failed, which is no finding. */
  #read(fd: number, into: Buffer, position: number): number | null {
    try {
      const got = readSync(fd, into, 0, into.length, position);
      if (got === into.length) return got;
      // A short read within the file is a failed read, as in SQLite: only the end of the file means truncation. The file
      // may have grown since the read, or shrunk since its size was asked: both are read again.
      const wanted = fstatSync(fd).size - position;
      const again = got >= wanted ? got : readSync(fd, into, 0, into.length, position);
      if (again === into.length || again >= wanted || again >= fstatSync(fd).size - position) return again;
      this.#unreadable = 'a read ended before the end of the file';
    } catch (error) {
      // SQLite has closed its descriptor: nothing is left to check.
      if (errorCode(error) !== 'EBADF') this.#unreadable = errorMessage(error);
    }
    return null;
  }

  #readIndex(fd: number): IndexHeader | 'short' | null {
    const got = this.#readIndexBytes(fd);
    return got === 'whole' ? parseIndexHeader(this.#indexBytes) : got;
  }

  #readIndexBytes(fd: number): 'whole' | 'short' | null {
    const got = this.#read(fd, this.#indexBytes, 0);
    if (got === null) return null;
    return got < indexHeaderBytes ? 'short' : 'whole';
  }

  /** Searches for the descriptor again if the known one no longer leads to the `-wal`. */
  #walNow(): number | null {
    if (this.#walDescriptor !== null && this.#walIdentity !== null && leadsTo(this.#walDescriptor, this.#walIdentity))
      return this.#walDescriptor;
    this.#walDescriptor = null;
    this.#walIdentity = identityNow(this.#wal);
    if (this.#walIdentity === null) return null;
    const found = descriptorsOn(this.#walIdentity);
    // The oldest one: those of jobs come and go.
    this.#walDescriptor = found.supported ? (found.descriptors[0]?.fd ?? null) : null;
    return this.#walDescriptor;
  }

  #tailIsRight(index: IndexHeader, fd: number): boolean | null {
    const bytes = frameHeaderBytes + index.pageSize;
    if (this.#tail.length !== bytes) this.#tail = Buffer.alloc(bytes);
    const got = this.#read(fd, this.#tail, frameOffset(index.frames, index.pageSize));
    if (got === null) return null;
    return (
      got === bytes &&
      this.#tail.toString('latin1', 8, 16) === index.salts &&
      this.#tail.readUInt32BE(16) === index.checksum[0] &&
      this.#tail.readUInt32BE(20) === index.checksum[1]
    );
  }

  #walChanged(index: IndexHeader): Changed | 'anew' | null {
    if (index.frames === 0) return null;
    let fd = this.#walDescriptor ?? this.#walNow();
    if (fd === null) return null;
    if (this.#tailIsRight(index, fd) === true) return null;
    fd = this.#walNow();
    if (fd === null) return null;
    const right = this.#tailIsRight(index, fd);
    if (right !== false) return null;
    const again = this.#fdOf('sharedMemory');
    const now = again === null ? null : this.#readIndex(again);
    if (now === null || now === 'short' || now.salts !== index.salts || now.frames !== index.frames) return 'anew';
    if (!leadsTo(fd, this.#walIdentity)) return null;
    return { path: this.#wal, what: 'wal', how: `no longer holds the last committed frame (${index.frames})` };
  }

  #fdOf(which: 'database' | 'sharedMemory'): number | null {
    return this.#descriptors()[which];
  }

  #indexChanged(index: IndexHeader): Changed | null {
    if (this.#seen === null || this.#seen.salts !== index.salts || index.frames >= this.#seen.frames) return null;
    return {
      path: this.#shm,
      what: 'index',
      how: `went back from frame ${this.#seen.frames} to ${index.frames} of the same WAL`,
    };
  }

  /** `before`: the index before the database was read. */
  #databaseChanged(before: IndexHeader, fd: number, moment: ContentMoment): Changed | 'anew' | null {
    const asked = wallClockNow();
    const stats = stateOf(fd, this.#inode);
    if (stats === null) return null;
    if (this.#trusted !== null && sameState(this.#trusted, stats)) {
      const followed = this.#followed !== null && sameState(this.#followed, stats);
      // The file rested, whatever the WAL did meanwhile: what is remembered of its pages holds.
      if (followed && !mayBeCopying(before)) this.#ledger.carryOver(before);
      if (moment === 'commit' || (followed && this.#trusted.settled && this.#ledger.isComplete)) {
        // A new round of the WAL leaves the file alone.
        if (!mayBeCopying(before) && !sameCheckpoint(this.#trusted.index, before))
          this.#trusted = { ...this.#trusted, index: before };
        return null;
      }
    } else if (moment === 'commit' && mayBeCopying(before) && stats.size > 0) return null;
    // Nothing is copied, and nothing was seen before that could be compared.
    if (moment === 'checkpoint' && this.#trusted === null && before.frames === 0 && stats.size > 0) return null;
    const seen = headerAndSamples((into, at) => this.#read(fd, into, at), stats.size);
    if (seen === null) return null;
    const { header, sampled } = seen;
    const compared = mayBeCopying(before) ? null : this.#copiedDiffers(before, fd);
    this.#following = null;
    const pages = mayBeCopying(before)
      ? null
      : this.#checkLedger(withPageSize(before, header), fd, { stats, asked, moment });
    const indexFd = this.#fdOf('sharedMemory');
    const after = indexFd === null ? null : this.#readIndex(indexFd);
    if (after === null || after === 'short' || !sameCheckpoint(before, after)) return 'anew';
    this.#followed = this.#following ?? this.#followed;
    const changedBy = (how: string): Changed => ({ path: this.#file, what: 'database', how });
    if (stats.size === 0) return changedBy('is empty now');
    const settled = asked - stats.ctimeMs > clockTickMs;
    const now: Trusted = { index: before, settled, size: stats.size, ctimeMs: stats.ctimeMs, header, samples: sampled };
    if (mayBeCopying(before)) {
      // The frames that explain an earlier first page are gone once the WAL has started over.
      if (this.#trusted?.index.salts !== before.salts) this.#trusted = now;
      return this.#inDoubt(before, header);
    }
    this.#doubt = null;
    if (this.#trusted !== null && sameCheckpoint(this.#trusted.index, before)) {
      if (stats.size !== this.#trusted.size)
        return changedBy(`has ${stats.size} bytes in place of ${this.#trusted.size}`);
      if (!header.equals(this.#trusted.header)) return changedBy('has another header');
      if (!sampled.equals(this.#trusted.samples)) return changedBy('has other pages');
    }
    if (before.frames > 0 && before.copied === before.frames && stats.size < before.pages * before.pageSize) {
      return changedBy(`has ${stats.size} bytes and must have ${before.pages * before.pageSize}`);
    }
    if (compared !== null) return changedBy(`has another page ${compared} than the last checkpoint copied there`);
    if (typeof pages === 'number')
      return changedBy(`has another page ${pages} than before, and no checkpoint wrote it`);
    pages?.();
    this.#trusted = now;
    return null;
  }

  /** Returns the number of a page that no checkpoint has written; else a function that makes new checksums count. */
  #checkLedger(
    index: IndexHeader,
    fd: number,
    { stats, asked, moment }: { readonly stats: FileState; readonly asked: number; readonly moment: ContentMoment },
  ): number | (() => void) | null {
    const ledger = this.#ledger;
    const trusted = this.#trusted;
    const touched = trusted !== null && (stats.ctimeMs !== trusted.ctimeMs || !trusted.settled);
    const byCheckpoint = touched && !sameCheckpoint(trusted.index, index);
    // A commit right behind a checkpoint is not made to wait for what the next check does.
    if (moment === 'commit' && (byCheckpoint || !touched)) return null;
    const read = (into: Buffer, position: number): number | null => this.#read(fd, into, position);
    ledger.follow(index, stats.size, (from, to) => {
      const walFd = to - from < searchedFrames ? this.#walNow() : null;
      if (walFd === null) return null;
      return readFrames((into, at) => this.#read(walFd, into, at), index, { from, to })?.pages ?? null;
    });
    this.#followed = null;
    this.#following = asked - stats.ctimeMs > clockTickMs ? { size: stats.size, ctimeMs: stats.ctimeMs } : null;
    if (touched && !byCheckpoint) ledger.suspect();
    const found = ledger.compare(read, moment === 'checkpoint' ? Number.POSITIVE_INFINITY : comparedMs);
    if (typeof found === 'number') return found;
    const also = byCheckpoint ? ledger.compare(read, sliceMs, 'some') : null;
    if (typeof also === 'number') return also;
    return moment === 'commit' || found === 'unread' || also === 'unread' ? null : ledger.fill(read, sliceMs);
  }

  /** A checkpoint in progress may write at any time: only a first page of unknown origin counts, if it persists. */
  #inDoubt(index: IndexHeader, header: Buffer): Changed | null {
    if (this.#trusted === null || header.equals(this.#trusted.header) || this.#isFirstPageOfWal(index, header)) {
      this.#doubt = null;
      return null;
    }
    const text = header.toString('latin1');
    const now = performance.now();
    if (this.#doubt?.header !== text) this.#doubt = { header: text, since: now };
    if (now - (this.#doubt?.since ?? now) < doubtMs) return null;
    return { path: this.#file, what: 'database', how: 'has a first page that no checkpoint has written' };
  }

  #isFirstPageOfWal(index: IndexHeader, header: Buffer): boolean {
    const fd = this.#walNow();
    if (fd === null) return true;
    const page = Buffer.alloc(databaseHeaderBytes);
    for (let frame = index.frames; frame > Math.max(0, index.frames - searchedFrames); frame--) {
      const offset = frameOffset(frame, index.pageSize);
      if (this.#read(fd, this.#frameBytes, offset) !== frameHeaderBytes) return true;
      if (this.#frameBytes.readUInt32BE(0) !== 1) continue;
      if (this.#read(fd, page, offset + frameHeaderBytes) !== databaseHeaderBytes) return true;
      if (page.equals(header)) return true;
    }
    // Not all were searched.
    return index.frames > searchedFrames;
  }

  /** Returns the number of a page that differs from its checkpointed frame; null if none does. */
  #copiedDiffers(index: IndexHeader, fd: number): number | null {
    const walFd = index.copied === 0 ? null : this.#walNow();
    if (walFd === null) return null;
    const { pageSize } = index;
    const pages = new Set<number>();
    const waiting =
      index.frames - index.copied > searchedFrames
        ? null
        : readFrames((into, at) => this.#read(walFd, into, at), index, { from: index.copied + 1, to: index.frames });
    if (waiting === null) return null;
    // A page that was beyond the end of the database at some time since then was not copied, and may have come back.
    let { fewestPages } = waiting;
    const frame = Buffer.alloc(frameHeaderBytes + pageSize);
    const page = Buffer.alloc(pageSize);
    for (let number = index.copied; number > 0 && pages.size < comparedPages; number--) {
      if (index.copied - number > sampledFrames) break;
      if (this.#read(walFd, frame, frameOffset(number, pageSize)) !== frame.length) return null;
      if (frame.toString('latin1', 8, 16) !== index.salts) return null;
      const pageNumber = frame.readUInt32BE(0);
      fewestPages = Math.min(fewestPages, frame.readUInt32BE(4) || Number.POSITIVE_INFINITY);
      if (pages.has(pageNumber) || waiting.pages.has(pageNumber)) continue;
      pages.add(pageNumber);
      if (pageNumber > fewestPages) continue;
      const got = this.#read(fd, page, (pageNumber - 1) * pageSize);
      if (got === null) return null;
      if (got !== pageSize) return pageNumber;
      if (frame.compare(page, 0, pageSize, frameHeaderBytes) !== 0) return pageNumber;
    }
    return null;
  }

  /**
   * Checks the frames while some are not yet copied, each of which must have the current salts and its checksum, and the
   * header: no connection reads it while it is open, and without it the next recovery discards every frame.
   */
  #framesChanged(index: IndexHeader, moment: ContentMoment): Changed | 'anew' | null {
    const walFd = index.frames > index.copied ? this.#walNow() : null;
    if (walFd === null) return null;
    const asked = wallClockNow();
    const state = stateOf(walFd, Number(this.#walIdentity?.ino));
    const settled = state !== null && asked - state.ctimeMs > clockTickMs && moment !== 'checkpoint';
    const read = (into: Buffer, at: number): number | null => this.#read(walFd, into, at);
    const withinMs = moment === 'checkpoint' ? comparedMs : sliceMs;
    const how = this.#frames.wrong(index, settled ? state : null, read, withinMs);
    return how === null ? null : this.#unlessRestarted(index, how);
  }

  #unlessRestarted(index: IndexHeader, how: string): Changed | 'anew' {
    const fd = this.#fdOf('sharedMemory');
    const now = fd === null ? null : this.#readIndex(fd);
    if (now === null || now === 'short' || now.salts !== index.salts) return 'anew';
    return { path: this.#wal, what: 'wal', how };
  }

  get #nothingLeft(): boolean {
    const trusted = this.#trusted;
    if (trusted === null || !trusted.settled || this.#doubt !== null) return false;
    return this.#ledger.isComplete && this.#followed !== null && sameState(this.#followed, trusted);
  }

  /** Accessing a mapping of a truncated file kills the process with SIGBUS; SQLite rebuilds an index of zeros. */
  #indexCut(fd: number, size: number | null): Changed | null {
    if (size === null || size >= Math.max(this.#indexSize, indexHeaderBytes)) return null;
    try {
      ftruncateSync(fd, Math.max(this.#indexSize, 32_768));
    } catch {
      // A read-only descriptor; the writing process has the same mapping.
    }
    return { path: this.#shm, what: 'index', how: `was cut to ${size} bytes` };
  }

  /** What is remembered of a look that found all right and left nothing to be done: while it stays so, there is no other. */
  #quietNow(database: number, sharedMemory: number): Quiet | null {
    const wal = this.#walDescriptor === null || this.#walIdentity === null ? null : this.#walDescriptor;
    const state = stateOf(database, this.#inode);
    const walState = wal === null ? null : stateOf(wal, Number(this.#walIdentity?.ino));
    if (state === null || walState === null) return null;
    return { index: this.#indexBytes, state, walState, indexSize: sizeOf(sharedMemory) };
  }

  #look(moment: ContentMoment): Changed | 'anew' | null {
    const sharedMemory = this.#fdOf('sharedMemory');
    const database = this.#fdOf('database');
    if (sharedMemory === null || database === null) return null;
    const got = this.#readIndexBytes(sharedMemory);
    if (got === 'short') return this.#indexCut(sharedMemory, sizeOf(sharedMemory));
    if (got === null) return null;
    const quiet = moment === 'interval' ? this.#quietNow(database, sharedMemory) : null;
    if (quiet !== null && this.#quiet !== null && sameQuiet(quiet, this.#quiet)) return null;
    const index = parseIndexHeader(this.#indexBytes);
    if (index === null) return null;
    const remembered = quiet === null ? null : { ...quiet, index: Buffer.from(this.#indexBytes) };
    this.#quiet = null;
    if (moment !== 'commit') {
      const size = sizeOf(sharedMemory);
      const cut = this.#indexCut(sharedMemory, size);
      if (cut !== null) return cut;
      this.#indexSize = Math.max(this.#indexSize, size ?? 0);
    }
    const found =
      this.#indexChanged(index) ?? this.#walChanged(index) ?? this.#databaseChanged(index, database, moment);
    if (found !== null) return found;
    this.#seen = index;
    this.sawNoFrames = moment === 'checkpoint' && index.frames === 0;
    const frames = moment === 'commit' ? null : this.#framesChanged(index, moment);
    const isVerified = index.frames === index.copied || this.#frames.isComplete;
    if (
      frames === null &&
      isVerified &&
      remembered !== null &&
      isSettledQuiet(remembered, clockTickMs) &&
      this.#nothingLeft
    ) {
      this.#quiet = remembered;
    }
    return frames;
  }
}
