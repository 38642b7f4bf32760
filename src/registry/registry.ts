/**
 * Tracks which database files this process has open: one copy of SQLite per file, any number of connections of that
 * copy.
 */
import { identityKey, type FileIdentity } from '../base/file-identity';
import { processGlobal } from '../base/process-global';
import { SqliteCopyConflictError } from '../errors/refusals';
import { descriptorsBy } from '../proc/descriptors';
import { identityNow } from '../proc/path-identity';
import { findForeignHolder, type ForeignHolder } from './foreign-holders';
import type { SqliteCopy } from './sqlite-copy';
import { filesOfOtherThreads, publishFile, tableGeneration, withdrawFile, type OtherThreadsFile } from './thread-table';

/** The location of a file that may not exist yet. */
export interface FilePlace {
  readonly directory: FileIdentity;
  /** Name in that directory. */
  readonly name: string;
}

export interface AdmissionRequest {
  /** Canonical path of the database. */
  readonly file: string;
  /** Null while the file does not exist. */
  readonly identity: FileIdentity | null;
  readonly place: FilePlace;
  readonly copy: SqliteCopy;
  /** The caller's path, if it differs: the process guard also watches its basename. */
  readonly openedAs?: string;
  /** False if the file was just seen without a `-shm`, which need not be looked for then. */
  readonly hasSidecars?: boolean;
}

/** The right to have one connection open on a file. */
export interface Admission {
  /** The key of the file for `findInstance` and `shareInstance`; it changes when a new file gets its identity. */
  readonly key: string;
  /** Sets the identity once SQLite has created the file. */
  setIdentity(identity: FileIdentity): void;
  /** Ends the admission, after the connection is closed. */
  release(): void;
}

/** One file that this process has open, as far as this thread knows. */
export interface RegisteredFile {
  readonly file: string;
  /** Null between the admission of a new file and its creation. */
  readonly identity: FileIdentity | null;
  /** Paths that the file was opened by, besides `file`. */
  readonly aliases: Iterable<string>;
  /** True for a file that another thread reports as open. */
  readonly elsewhere: boolean;
}

/** One file that connections of this thread have open. */
interface RegistryEntry extends RegisteredFile {
  readonly copyId: string;
  readonly library: string;
  readonly aliases: Set<string>;
  connections: number;
  /** Slot of the file in the table shared with the other threads. */
  slot: number | null;
}

interface RegistryState {
  readonly files: Map<string, RegistryEntry>;
  /** Incremented by each change of `files`, for caches derived from it. */
  generation: number;
}

const state = processGlobal<RegistryState>('registry', 1, () => ({ files: new Map(), generation: 0 }));

/** Returns the key of a file, independent of the path that names it. */
export function fileKey(identity: FileIdentity | null, place: FilePlace): string {
  return identity === null ? `${identityKey(place.directory)}/${place.name}` : identityKey(identity);
}

/**
 * Admits one connection, or throws `SqliteCopyConflictError` if another copy of SQLite, or a plain descriptor, has the
 * file open in this process.
 */
export function admit(request: AdmissionRequest): Admission {
  let key = fileKey(request.identity, request.place);
  if (!state.files.has(key)) refuseOthers(key, request);
  enter(key, request.identity, request);
  let held = true;
  return {
    get key() {
      return key;
    },
    setIdentity(identity) {
      const settled = identityKey(identity);
      if (!held || settled === key) return;
      if (!state.files.has(settled)) refuseThreads(settled, request);
      enter(settled, identity, request);
      leave(key);
      key = settled;
    },
    release() {
      if (!held) return;
      held = false;
      leave(key);
    },
  };
}

/** Returns the files that this process has open, as far as this thread knows. */
export function registeredFiles(): readonly RegisteredFile[] {
  return [...state.files.values(), ...filesOfOtherThreads().map(fromOtherThread)];
}

function fromOtherThread({ file, aliases, identity }: OtherThreadsFile): RegisteredFile {
  const known = identity === null ? null : { dev: BigInt(identity.dev), ino: BigInt(identity.ino) };
  return { file, aliases, identity: known, elsewhere: true };
}

/** What this process itself deleted, by the keys of the files, while it had them open. */
const deletions = processGlobal<Map<string, string>>('deleted-files', 1, () => new Map());

/** This process deletes a file that a connection of this thread has open; `how` names the call. */
export function noteDeletion(identity: FileIdentity, how: string): void {
  const key = identityKey(identity);
  if (state.files.has(key)) deletions.set(key, how);
}

/** The call by which this process deleted a file that this thread has open; null where it did not. */
export function deletionOf(identity: FileIdentity): string | null {
  return deletions.get(identityKey(identity)) ?? null;
}

/** True when this thread has another file open than `identity`, which stood at the same path when it was opened. */
export function hadAnotherFileAt(file: string, identity: FileIdentity | null): boolean {
  const key = identity === null ? null : identityKey(identity);
  for (const [known, entry] of state.files) if (entry.file === file && known !== key) return true;
  return false;
}

/** A number that changes whenever `registeredFiles` does. */
export function registryGeneration(): number {
  return state.generation + tableGeneration();
}

function enter(key: string, identity: FileIdentity | null, request: AdmissionRequest): void {
  const { file, copy, openedAs } = request;
  let entry = state.files.get(key);
  if (entry !== undefined && entry.copyId !== copy.id) {
    throw conflict(
      file,
      `through another copy of SQLite, ${entry.library}; this connection would use ${copy.library}`,
      {
        openAs: entry.file,
        library: entry.library,
        requestedLibrary: copy.library,
      },
    );
  }
  if (entry === undefined) {
    entry = {
      file,
      identity,
      copyId: copy.id,
      library: copy.library,
      aliases: new Set(),
      elsewhere: false,
      connections: 0,
      slot: null,
    };
    state.files.set(key, entry);
  }
  const known = entry.aliases.size;
  if (openedAs !== undefined && openedAs !== file) entry.aliases.add(openedAs);
  entry.connections += 1;
  if (entry.connections > 1 && entry.aliases.size === known) return;
  state.generation += 1;
  tellOthers(key, entry);
}

function tellOthers(key: string, entry: RegistryEntry): void {
  const { file, copyId, library, aliases, slot } = entry;
  const identity = entry.identity === null ? null : { dev: `${entry.identity.dev}`, ino: `${entry.identity.ino}` };
  if (slot !== null) withdrawFile(slot);
  entry.slot = publishFile({ key, file, identity, copyId, library, aliases: [...aliases] });
}

function leave(key: string): void {
  const entry = state.files.get(key);
  if (entry === undefined) return;
  entry.connections -= 1;
  if (entry.connections > 0) return;
  state.files.delete(key);
  deletions.delete(key);
  if (entry.slot !== null) withdrawFile(entry.slot);
  state.generation += 1;
}

/** Asks the other threads first: files that they have open on the same copy need no further check. */
function refuseOthers(key: string, request: AdmissionRequest): void {
  const { file, identity, copy, hasSidecars = true } = request;
  if (refuseThreads(key, request) || identity === null) return;
  const index = hasSidecars ? identityNow(`${file}-shm`) : null;
  const holder = findForeignHolder({ file, identity, index }, copy.addon);
  if (holder !== null) throw conflict(file, describeHolder(holder), { ...holder, requestedLibrary: copy.library });
}

/** True if another thread has the file open on the same copy. */
function refuseThreads(key: string, { file, copy }: AdmissionRequest): boolean {
  const others = filesOfOtherThreads().filter(other => other.key === key);
  const foreign = others.find(other => other.copyId !== copy.id);
  if (foreign !== undefined && isStillOpen(foreign.file)) throw otherThread(file, foreign, copy);
  return others.some(other => other.copyId === copy.id);
}

/** A terminated worker may still be listed in the table. True if `/proc` cannot tell. */
export function isStillOpen(file: string): boolean {
  const found = descriptorsBy(file);
  return !found.supported || found.descriptors.length > 0;
}

function otherThread(file: string, foreign: OtherThreadsFile, copy: SqliteCopy): SqliteCopyConflictError {
  const how = `in thread ${foreign.thread}, through another copy of SQLite, ${foreign.library}; this connection would use ${copy.library}`;
  return conflict(file, how, { ...foreign, requestedLibrary: copy.library });
}

function describeHolder(holder: ForeignHolder): string {
  if (holder.kind === 'descriptor') {
    return `by a plain file descriptor (${holder.fd}, ${holder.path}), whose close will cancel the locks of SQLite`;
  }
  return `by descriptor ${holder.fd}, through a SQLite that may be another copy: ${holder.copies.join(', ')}`;
}

function conflict(file: string, how: string, details: Record<string, unknown>): SqliteCopyConflictError {
  return new SqliteCopyConflictError(`The database ${file} is already open in this process ${how}.`, {
    hint: 'Close the other user of the file first, or open it only through this library: copies of SQLite in one process do not see the locks of each other.',
    details: { file, ...details },
  });
}
