/** Looks once, for all checks of an open, at the files that SQLite has just opened: their names, descriptors and fdinfo. */
import { statSync } from 'node:fs';
import type { FileIdentity } from '../base/file-identity';
import { descriptorsOn, newestOn, parseFlags, type OpenFile, type OpenFileScan } from './descriptors';
import { watchLocks, type LockReader } from './locks';
import { identityNow } from './path-identity';
import type { Probed } from './support';

/** Close it when the open has ended: readers that were not taken are closed then. */
export interface OpenedFiles {
  /** The database; null if its name is free. */
  readonly identity: FileIdentity | null;
  /** Number of names of the database; 0 if unknown. */
  readonly links: number;
  /** The file that has the name of the `-wal`; null if the name is free. */
  readonly wal: FileIdentity | null;
  /** The same for the `-shm`. */
  readonly index: FileIdentity | null;
  /** Descriptors that were just opened: one of the database, unless it got a number far from the others. */
  readonly newest: readonly OpenFile[];
  /** At least one descriptor of this process on each of the files; looked for when it is asked. */
  readonly scan: OpenFileScan;
  readonly readers: OpenReaders;
}

/** `known`: the file that the connection has open, if that is not the one that has the name now. */
export function lookAtOpened(file: string, known: FileIdentity | null = null): OpenedFiles {
  const database = statsNow(file);
  const identity = known ?? (database === null ? null : { dev: database.dev, ino: database.ino });
  const wal = identityNow(`${file}-wal`);
  const index = identityNow(`${file}-shm`);
  const files = [identity, wal, index].filter(each => each !== null);
  const newest = newestOn(files);
  const links = database === null ? 0 : Number(database.nlink);
  let scan: OpenFileScan | null = null;
  return {
    identity,
    links,
    wal,
    index,
    newest,
    // A further connection opens no `-shm`, and its sentinel is there already: it asks for no more.
    get scan() {
      const isWhole = newest.length === files.length;
      return (scan ??= isWhole ? { supported: true, descriptors: newest } : descriptorsOn(...files));
    },
    readers: new OpenReaders(),
  };
}

function statsNow(file: string): { readonly dev: bigint; readonly ino: bigint; readonly nlink: bigint } | null {
  try {
    return statSync(file, { bigint: true, throwIfNoEntry: false }) ?? null;
  } catch {
    return null;
  }
}

/** Opens and reads the fdinfo of each descriptor once, for all who look at the same moment. */
export class OpenReaders {
  readonly #open = new Map<number, LockReader>();
  readonly #texts = new Map<number, string | null>();

  /** The reader stays open until it is taken, or all are closed. */
  of(fd: number): Probed<{ reader: LockReader }> {
    const known = this.#open.get(fd);
    if (known !== undefined) return { supported: true, reader: known };
    const opened = watchLocks(fd);
    if (opened.supported) this.#open.set(fd, opened.reader);
    return opened;
  }

  /** The text of a reader from `of`, read once; null if the descriptor is closed, or it cannot be read now. */
  textOf(reader: LockReader): string | null {
    let text = this.#texts.get(reader.fd);
    if (text === undefined) this.#texts.set(reader.fd, (text = reader.read()));
    return text;
  }

  /** The flags of open(2); null if the descriptor is closed or `/proc` does not show them. */
  flagsOf(fd: number): number | null {
    const opened = this.of(fd);
    const text = opened.supported ? this.textOf(opened.reader) : null;
    return text === null ? null : parseFlags(text);
  }

  /** From now on the caller stops it. */
  take(reader: LockReader): void {
    this.#open.delete(reader.fd);
  }

  stop(reader: LockReader): void {
    this.#open.delete(reader.fd);
    reader.stop();
  }

  close(): void {
    for (const reader of this.#open.values()) reader.stop();
    this.#open.clear();
  }
}
