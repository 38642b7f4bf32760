/** Who in this process has which database file: one copy of SQLite per file, any number of connections of that copy. */
import { identityKey, type FileIdentity } from '../base/file-identity';
import { processGlobal } from '../base/process-global';
import { SqliteCopyConflictError } from '../errors/refusals';
import { findForeignHolder, type ForeignHolder } from './foreign-holders';
import type { SqliteCopy } from './sqlite-copy';

/** Where a file lies that may not exist yet. */
export interface FilePlace {
  readonly directory: FileIdentity;
  /** Name in that directory. */
  readonly name: string;
}

export interface AdmissionRequest {
  /** Canonical path of the database. */
  readonly file: string;
  /** Null when the file does not exist yet. */
  readonly identity: FileIdentity | null;
  readonly place: FilePlace;
  readonly copy: SqliteCopy;
  /** The path that the caller gave, where it differs: the process guard watches its last part too. */
  readonly openedAs?: string;
}

/** The right to have one connection open on a file. */
export interface Admission {
  /** The key of the file, for `findInstance` and `shareInstance`; another one after `settle` of a new file. */
  readonly key: string;
  /** Says which file it is, once SQLite has created it. */
  settle(identity: FileIdentity): void;
  /** Gives the right back, after the connection is closed. */
  release(): void;
}

/** One file that a connection of this thread has open. */
export interface RegisteredFile {
  readonly file: string;
  /** Null between the admission of a new file and its creation. */
  readonly identity: FileIdentity | null;
  readonly copyId: string;
  readonly library: string;
  /** Paths that the file was opened by, besides `file`. */
  readonly aliases: Set<string>;
  connections: number;
}

interface RegistryState {
  readonly files: Map<string, RegisteredFile>;
  /** Raised by each change of `files`, so that others can keep what they derive from it. */
  generation: number;
}

const state = processGlobal<RegistryState>('registry', 1, () => ({ files: new Map(), generation: 0 }));

/** The key under which a file is known, whatever path names it. */
export function fileKey(identity: FileIdentity | null, place: FilePlace): string {
  return identity === null ? `${identityKey(place.directory)}/${place.name}` : identityKey(identity);
}

/**
 * Admits one connection, or throws `SqliteCopyConflictError` when another copy of SQLite, or a plain descriptor, has
 * the file in this process.
 */
export function admit(request: AdmissionRequest): Admission {
  const { file, copy } = request;
  let key = fileKey(request.identity, request.place);
  if (!state.files.has(key) && request.identity !== null) refuseForeign(file, request.identity, copy);
  enter(key, request.identity, request);
  let held = true;
  return {
    get key() {
      return key;
    },
    settle(identity) {
      const settled = identityKey(identity);
      if (!held || settled === key) return;
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

/** The files that connections of this thread have open, and a number that changes whenever they do. */
export function registeredFiles(): { readonly generation: number; readonly files: Iterable<RegisteredFile> } {
  return { generation: state.generation, files: state.files.values() };
}

/** A number that changes whenever `registeredFiles` does. */
export function registryGeneration(): number {
  return state.generation;
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
    entry = { file, identity, copyId: copy.id, library: copy.library, aliases: new Set(), connections: 0 };
    state.files.set(key, entry);
    state.generation += 1;
  }
  if (openedAs !== undefined && openedAs !== file && !entry.aliases.has(openedAs)) {
    entry.aliases.add(openedAs);
    state.generation += 1;
  }
  entry.connections += 1;
}

function leave(key: string): void {
  const entry = state.files.get(key);
  if (entry === undefined) return;
  entry.connections -= 1;
  if (entry.connections > 0) return;
  state.files.delete(key);
  state.generation += 1;
}

function refuseForeign(file: string, identity: FileIdentity, copy: SqliteCopy): void {
  const holder = findForeignHolder(file, identity, copy.addon);
  if (holder !== null) throw conflict(file, describeHolder(holder), { ...holder, requestedLibrary: copy.library });
}

function describeHolder(holder: ForeignHolder): string {
  if (holder.kind === 'descriptor') {
    return `by a plain file descriptor (${holder.fd}, ${holder.path}), whose close will cancel the locks of SQLite`;
  }
  return `by descriptor ${holder.fd}, through a SQLite that may be another copy: ${holder.copies.join(', ')}`;
}

function conflict(file: string, how: string, details: Record<string, unknown>): SqliteCopyConflictError {
  return new SqliteCopyConflictError(`The database ${file} is already open in this process ${how}.`, {
    hint: 'Close what has the file open before, or open it only through this library: copies of SQLite in one process do not see the locks of each other.',
    details: { file, ...details },
  });
}
