/** Watches the names of the files, on every system: the sentinel's part without locks. */
import { dirname } from 'node:path';
import { sameFile, type FileIdentity } from '../base/file-identity';
import { descriptorsOn, type OpenFileScan } from '../proc/descriptors';
import type { OpenedFiles } from '../proc/opened-files';
import { identityNow } from '../proc/path-identity';
import type { Loss } from './finding';
import { FolderWatch } from './folder-watch';
import { existsSync, statSync } from 'node:fs';

export interface FileChecks {
  /**
   * Returns the loss if the name of the database or a sidecar leads elsewhere, else null.
   *
   * `'quick'` checks the names only if their folder may have changed; it does not detect a mount over one of them.
   */
  lost(look: 'quick' | 'thorough'): Loss | null;
  /** The sidecars that the connection has open, by name. */
  sidecars(): readonly { readonly path: string; readonly identity: FileIdentity }[];
  /** Returns a warning if the database has more names than when it was opened. */
  warning(): Loss | null;
}

export interface NamedDatabase {
  readonly file: string;
  readonly identity: FileIdentity;
  readonly journalMode: string;
}

/** Watches the database, and in WAL mode its `-wal` and `-shm`, which a live connection keeps. */
export function createFileChecks({ file, identity, journalMode }: NamedDatabase, first: OpenedFiles): FileChecks {
  const database: WatchedFile = { path: file, role: 'database', identity };
  const names = { wal: `${file}-wal`, index: `${file}-shm` };
  const pending = new Set(journalMode === 'wal' ? [names.wal, names.index] : []);
  const watched: WatchedFile[] = [database];
  const folder = new FolderWatch(dirname(file));
  // One name is normal; a file that came with more was refused or accepted when it was opened.
  const knownLinks = first.links;
  let stranger = learn(
    path => (path === names.wal ? first.wal : first.index),
    () => first.scan,
  );

  /**
   * Watches each sidecar from the first time it is seen; a WAL index on the heap has no `-shm`. One that this process
   * does not have open has replaced the original.
   */
  function learn(
    identify: (path: string) => FileIdentity | null,
    look: (found: FileIdentity) => OpenFileScan,
  ): WatchedFile | null {
    for (const path of pending) {
      const found = identify(path);
      if (found === null) continue;
      const sidecar: WatchedFile = { path, role: 'sidecar', identity: found };
      const open = look(found);
      if (open.supported && !open.descriptors.some(each => sameFile(each.identity, found))) return sidecar;
      watched.push(sidecar);
      pending.delete(path);
    }
    return null;
  }

  /**
   * SQLite never makes a database smaller than a page, but for the rollback of the transaction that creates it. With a WAL there
   * is no such rollback: the header that asks for the WAL is in the first page.
   */
  let hadPages = false;
  function isCut({ name, size }: FileState): boolean {
    if (name !== 'same' || size >= smallestPage) {
      hadPages ||= name === 'same' && (journalMode === 'wal' || !existsSync(`${file}-journal`));
      return false;
    }
    return hadPages;
  }

  return {
    lost(look) {
      // A database alone is not worth the second question.
      const shortcut = pending.size === 0 && watched.length > 1 && stranger === null && first.scan.supported;
      if (shortcut && look === 'quick' && !folder.mayHaveChanged()) return null;
      if (pending.size > 0) stranger = learn(identityNow, descriptorsOn);
      if (stranger !== null) return lostFile(file, stranger, { name: 'other', links: 1, size: 0 });
      let known = true;
      for (const candidate of watched) {
        const state = fileState(candidate);
        if (state.name === 'missing' || state.name === 'other') return lostFile(file, candidate, state);
        known &&= state.name === 'same';
        if (candidate.role === 'database' && isCut(state)) return cutFile(file, state.size);
      }
      if (shortcut && look === 'quick' && known) folder.trust();
      return null;
    },
    sidecars: () => watched.filter(({ role }) => role === 'sidecar'),
    warning() {
      const { links } = fileState(database);
      return links > Math.max(1, knownLinks) ? newLink(file, links) : null;
    },
  };
}

function lostFile(file: string, { path, role, identity }: WatchedFile, { name }: FileState): Loss {
  const fate = name === 'missing' ? 'has been deleted or renamed' : 'has been replaced by another file';
  return {
    kind: role === 'database' ? 'databaseReplaced' : 'sidecarReplaced',
    fatal: true,
    filesLost: true,
    message: `${path} ${fate} while a connection to ${file} had it open.`,
    culprits: ['a program or a person that moved, deleted, replaced or restored the file while it was in use'],
    details: { file, path, fate: name, openInode: String(identity.ino) },
  };
}

function cutFile(file: string, size: number): Loss {
  return {
    kind: 'changedUnderneath',
    fatal: true,
    filesLost: true,
    message: `${file} was cut to ${size} bytes: another program wrote into it past SQLite while a connection had it open.`,
    culprits: ['a program or a person that copied over, cut, edited or restored the file in place while it was in use'],
    details: { file, path: file, changed: 'database' },
  };
}

function newLink(file: string, links: number): Loss {
  return {
    kind: 'hardLinked',
    fatal: false,
    filesLost: false,
    message: `The database ${file} has ${links} names now: a program that opens it by another name uses another journal, and writes are lost.`,
    culprits: ['a backup or deployment tool that makes hard links (cp -l, ln, rsync --link-dest)'],
    details: { file, links },
  };
}

// Checks whether the names of a database and its sidecars still lead to the files that the connection has open.

export interface WatchedFile {
  readonly path: string;
  readonly role: 'database' | 'sidecar';
  readonly identity: FileIdentity;
}

/** State of a name. `'unknown'`: stat failed (permission, I/O), which says nothing about the file. */
export type NameState = 'same' | 'missing' | 'other' | 'unknown';

export interface FileState {
  readonly name: NameState;
  /** Number of names of the file; 0 if unknown. */
  readonly links: number;
  /** Bytes; 0 when unknown. */
  readonly size: number;
}

/** Bytes of the smallest page of SQLite. */
const smallestPage = 512;

const options = { bigint: true, throwIfNoEntry: false } as const;

/**
 * Stats the name of a file that the connection holds open.
 *
 * The open descriptor keeps the inode from being reused, so equal numbers mean the same file.
 */
export function fileState(file: WatchedFile): FileState {
  try {
    const stats = statSync(file.path, options);
    if (stats === undefined) return { name: 'missing', links: 0, size: 0 };
    return {
      name: sameFile(stats, file.identity) ? 'same' : 'other',
      links: Number(stats.nlink),
      size: Number(stats.size),
    };
  } catch {
    return { name: 'unknown', links: 0, size: 0 };
  }
}
