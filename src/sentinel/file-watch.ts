/** Collects everything that is watched of one database, shared by all connections of a thread that have it open. */
import { identityKey, sameFile, type FileIdentity } from '../base/file-identity';
import { processGlobal } from '../base/process-global';
import { lookAtOpened, type OpenedFiles } from '../proc/opened-files';
import { createContentChecks, type ContentChecks } from './content-checks';
import { createFileChecks, type FileChecks } from './file-checks';
import { createLockChecks, type LockChecks } from './lock-checks';

export interface WatchedDatabase {
  /** Canonical path of the database. */
  readonly file: string;
  /** Identity of the file when the connection opened it. */
  readonly identity: FileIdentity;
  /** Result of `PRAGMA journal_mode`: `'wal'`, `'delete'`, … */
  readonly journalMode: string;
  /** What was seen right after SQLite opened the files, if that was just now. */
  readonly opened?: OpenedFiles | null;
}

export interface FileWatch {
  readonly files: FileChecks;
  readonly locks: LockChecks;
  /** Null for a database without a WAL. */
  readonly contents: ContentChecks | null;
  /** Call it once; the last user releases the descriptors of the watch. */
  release(): void;
}

interface Counted extends Omit<FileWatch, 'release'> {
  uses: number;
}

const watches = processGlobal<Map<string, Counted>>('file-watches', 1, () => new Map());

/** Scans the descriptors of the process for the first user; later users cost no scan. */
export function watchDatabase(database: WatchedDatabase): FileWatch {
  const { file, identity, journalMode } = database;
  const key = `${identityKey(identity)} ${journalMode} ${file}`;
  const counted = watches.get(key) ?? create(database);
  watches.set(key, counted);
  counted.uses += 1;
  let released = false;
  const { files, locks, contents } = counted;
  return {
    files,
    locks,
    contents,
    release() {
      if (released) return;
      released = true;
      counted.uses -= 1;
      if (counted.uses > 0) return;
      locks.stop();
      watches.delete(key);
    },
  };
}

function create(database: WatchedDatabase): Counted {
  const { file, identity, opened = null } = database;
  if (opened !== null && opened.identity !== null && sameFile(opened.identity, identity))
    return build(database, opened);
  const seen = lookAtOpened(file, identity);
  try {
    return build(database, seen);
  } finally {
    seen.readers.close();
  }
}

function build({ file, identity, journalMode }: WatchedDatabase, opened: OpenedFiles): Counted {
  const subject = { file, identity, journalMode };
  const files = createFileChecks(subject, opened);
  const locks = createLockChecks(subject, opened);
  const { wal, scan } = opened;
  const descriptors = (): ReturnType<LockChecks['descriptors']> => locks.descriptors();
  const contents = journalMode === 'wal' ? createContentChecks({ file, identity, wal, scan, descriptors }) : null;
  return { uses: 0, files, locks, contents };
}
