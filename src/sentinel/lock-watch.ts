/** Reads the locks of this process on one file. All connections of a thread share one watch per file. */
import { constants, fstatSync } from 'node:fs';
import { performance } from '../base/clock';
import { identityKey, sameFile, type FileIdentity } from '../base/file-identity';
import { processGlobal } from '../base/process-global';
import { missingLocks, type LockRequirement } from '../policy/expected-locks';
import { descriptorsOn, parseFlags } from '../proc/descriptors';
import { parseLocks, type HeldLock, type LockReader } from '../proc/locks';
import { OpenReaders, type OpenedFiles } from '../proc/opened-files';

/** `'missing'` is reported only after every descriptor on the file was read. `'unknown'`: some could not be. */
export type LockAnswer =
  | { readonly state: 'held' }
  | { readonly state: 'missing'; readonly missing: readonly LockRequirement[] }
  | { readonly state: 'unknown'; readonly reason: string; readonly transient: boolean };

/** Descriptors that were found just now, and readers of their fdinfo that may be open already. */
export type SeenFiles = Pick<OpenedFiles, 'scan' | 'readers'>;

export interface LockWatch {
  /**
   * `'cheap'` repeats a recent `'unknown'` instead of scanning all descriptors again. `seen`: a fresh list of the
   * descriptors on this and perhaps other files.
   */
  ask(required: readonly LockRequirement[], effort: 'cheap' | 'full', seen?: SeenFiles): LockAnswer;
  /** A descriptor of SQLite on the file at which the kernel shows the locks; null before one was seen. */
  descriptor(): number | null;
  /** Call it once per user; the last one releases the descriptor of the watch. */
  release(): void;
}

/** Texts of fdinfo known to be healthy: idle, reading each of the five read marks, writing, and some spare. */
const rememberedTexts = 16;
/** Milliseconds before a commit checks again while the process has no descriptor for the check. */
const blindMs = 500;

const held: LockAnswer = { state: 'held' };

interface Counted {
  readonly watch: FileLockWatch;
  uses: number;
}

const watches = processGlobal<Map<string, Counted>>('lock-watches', 1, () => new Map());

/** Returns the watch of a file, shared within this thread. It costs at most one descriptor. */
export function watchFileLocks(file: FileIdentity): LockWatch {
  const key = identityKey(file);
  const counted = watches.get(key) ?? { watch: new FileLockWatch(file), uses: 0 };
  watches.set(key, counted);
  counted.uses += 1;
  let released = false;
  const { watch } = counted;
  return {
    ask: (required, effort, seen) => watch.ask(required, effort, seen),
    descriptor: () => watch.descriptor(),
    release() {
      if (released) return;
      released = true;
      counted.uses -= 1;
      if (counted.uses > 0) return;
      watch.stop();
      if (watches.get(key) === counted) watches.delete(key);
    },
  };
}

/**
 * A process owns its POSIX locks as a whole, but the kernel shows each at the descriptor that took it. With several
 * connections of one copy that is any of their descriptors, and it may change in a healthy process. One descriptor is
 * therefore remembered, and all are read if it does not show the required locks.
 */
class FileLockWatch {
  readonly #file: FileIdentity;
  #reader: LockReader | null = null;
  /** Per requirement set, by identity: the sets are constants of expected-locks.ts. */
  #healthy = new WeakMap<readonly LockRequirement[], Set<string>>();
  #blind: { readonly answer: LockAnswer; readonly until: number } | null = null;

  constructor(file: FileIdentity) {
    this.#file = file;
  }

  ask(required: readonly LockRequirement[], effort: 'cheap' | 'full', seen?: SeenFiles): LockAnswer {
    if (required.length === 0) return held;
    if (this.#remembered(required)) {
      this.#blind = null;
      return held;
    }
    if (effort === 'cheap' && this.#blind !== null && performance.now() < this.#blind.until) return this.#blind.answer;
    const answer = this.#askAll(required, seen ?? { scan: descriptorsOn(this.#file), readers: new OpenReaders() });
    this.#blind = answer.state === 'unknown' ? { answer, until: performance.now() + blindMs } : null;
    return answer;
  }

  descriptor(): number | null {
    return this.#reader?.fd ?? null;
  }

  stop(): void {
    this.#remember(null);
  }

  #remembered(required: readonly LockRequirement[]): boolean {
    const text = this.#reader?.read() ?? null;
    if (this.#reader === null || text === null) return false;
    if (this.#healthy.get(required)?.has(text) === true) return true;
    // The descriptor may have been closed behind SQLite's back and its number reused for another database.
    if (!isOn(this.#reader.fd, this.#file) || missingLocks(required, parseLocks(text)).length > 0) return false;
    const texts = this.#healthy.get(required) ?? new Set();
    if (texts.size < rememberedTexts) texts.add(text);
    this.#healthy.set(required, texts);
    return true;
  }

  #askAll(required: readonly LockRequirement[], { scan: found, readers }: SeenFiles): LockAnswer {
    if (!found.supported) return { state: 'unknown', reason: found.reason, transient: found.transient };
    const locks: HeldLock[] = [];
    let unread: LockAnswer | null = null;
    // Newest first: a new connection has just taken its locks.
    for (const { fd, identity } of found.descriptors.toReversed()) {
      if (!sameFile(identity, this.#file)) continue;
      const opened = readers.of(fd);
      if (!opened.supported) {
        // Closed since the listing: it shows no lock.
        if (isOn(fd, this.#file)) unread = { state: 'unknown', reason: opened.reason, transient: opened.transient };
        continue;
      }
      const { reader } = opened;
      const text = readers.textOf(reader);
      const isOpen = isOn(fd, this.#file);
      const shown = parseLocks(text ?? '');
      if (isOpen && text !== null && missingLocks(required, shown).length === 0) {
        readers.take(reader);
        this.#remember(reader);
        this.#healthy.set(required, new Set([text]));
        return held;
      }
      readers.stop(reader);
      // The system let it be opened, and does not let it be read now.
      if (isOpen && text === null) unread = cannotRead(fd);
      locks.push(...shown);
    }
    const missing = missingLocks(required, locks);
    return missing.length === 0 ? held : (unread ?? { state: 'missing', missing });
  }

  #remember(reader: LockReader | null): void {
    this.#reader?.stop();
    this.#reader = reader;
    this.#healthy = new WeakMap();
  }
}

function cannotRead(fd: number): LockAnswer {
  return { state: 'unknown', reason: `/proc/self/fdinfo/${fd} cannot be read now`, transient: true };
}

/**
 * Returns how this process has a file open: for writing, read-only, or not at all; null if unknown. Among `seen.readers` one
 * that can write stays open.
 */
export function accessTo(file: FileIdentity, seen: SeenFiles): 'write' | 'read' | 'none' | null {
  const { scan: found, readers } = seen;
  if (!found.supported) return null;
  let access: 'read' | 'none' | null = 'none';
  for (const { fd, identity } of found.descriptors) {
    if (!sameFile(identity, file)) continue;
    const opened = readers.of(fd);
    if (!opened.supported) {
      access = null;
      continue;
    }
    const text = readers.textOf(opened.reader);
    const flags = text === null ? null : parseFlags(text);
    if (flags !== null && (flags & (constants.O_WRONLY | constants.O_RDWR)) !== 0) return 'write';
    readers.stop(opened.reader);
    if (text === null) {
      if (isOn(fd, file)) access = null;
      continue;
    }
    if (access === 'none' && flags !== null) access = 'read';
  }
  return access;
}

function isOn(fd: number, file: FileIdentity): boolean {
  try {
    return sameFile(fstatSync(fd, { bigint: true }), file);
  } catch {
    return false;
  }
}
