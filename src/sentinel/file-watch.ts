/** Whether the names of a database and its sidecars still lead to the files that the connection has open. */
import { statSync } from 'node:fs';
import { sameFile, type FileIdentity } from '../base/file-identity';

export interface WatchedFile {
  readonly path: string;
  readonly role: 'database' | 'sidecar';
  readonly identity: FileIdentity;
}

/** What became of a name. `'unknown'`: the question failed (permission, I/O), which says nothing about the file. */
export type NameState = 'same' | 'missing' | 'other' | 'unknown';

export interface FileState {
  readonly name: NameState;
  /** How many names the file has; 0 when unknown. */
  readonly links: number;
}

const options = { bigint: true, throwIfNoEntry: false } as const;

/**
 * Asks `stat` for the name of a file that the connection holds open.
 *
 * The open descriptor keeps the inode from being given to another file, so equal numbers mean the same file.
 */
export function fileState(file: WatchedFile): FileState {
  try {
    const stats = statSync(file.path, options);
    if (stats === undefined) return { name: 'missing', links: 0 };
    return { name: sameFile(stats, file.identity) ? 'same' : 'other', links: Number(stats.nlink) };
  } catch {
    return { name: 'unknown', links: 0 };
  }
}
