/** Judges the facts of a preflight and returns the first reason not to let SQLite open the database. Pure. */
import { basename, dirname } from 'node:path';
import { attributeAdvice, type Attributed } from '../base/file-attributes';
import type { ErrorFacts } from '../errors/error-facts';
import { shellWord } from '../base/terminal-text';
import {
  HardLinkedDatabaseError,
  OrphanedJournalError,
  UnsafeFilesystemError,
  UntrustedFileError,
} from '../errors/refusals';
import { SqliteCantOpenError, SqliteReadonlyError } from '../errors/sqlite-errors';
import type { PlantedSidecar } from '../filesystem/planted-sidecar';
import type { PreflightFacts, RefusedPath, SidecarFacts } from '../filesystem/preflight-facts';
import type { MissingSuperJournal } from '../filesystem/super-journal';
import type { PlanWarning } from './plan';

export interface PreflightOptions {
  readonly readonly: boolean;
  readonly fileMustExist: boolean;
}

/** `null`, or the error to throw. */
type Check = (facts: PreflightFacts, options: PreflightOptions) => (Error & ErrorFacts) | null;

/**
 * Where SQLite itself would fail too, the error has SQLite's class and code, which code written for better-sqlite3
 * understands; only the message and the hint are better.
 */
export function judgePreflight(facts: PreflightFacts, options: PreflightOptions): Error | null {
  return preflightErrors(facts, options).next().value ?? null;
}

/** All errors, for a report. */
export function* preflightErrors(
  facts: PreflightFacts,
  options: PreflightOptions,
): Generator<Error & ErrorFacts, undefined> {
  for (const check of checks) {
    const error = check(facts, options);
    if (error !== null) yield error;
  }
}

export function preflightWarnings(facts: PreflightFacts): readonly PlanWarning[] {
  const { file, size, walMissing, worldWritableOfAnother } = facts;
  const warnings: PlanWarning[] = [];
  // Without a database, or with an empty one, a -shm proves nothing.
  if (walMissing && size !== null && size > 0) {
    warnings.push({
      code: 'wal-missing',
      message: `${file}-wal is missing although ${file}-shm exists: it was deleted or moved, or the database was copied without it, and commits that were only in it are lost. If you can find it, stop, put both files back as they were, and run \`safe-sqlite doctor\`; otherwise compare with the newest backup.`,
    });
  }
  if (worldWritableOfAnother) {
    warnings.push({
      code: 'world-writable-database',
      message: `${file} belongs to another user and every user of this machine can write it: any of them can damage it.`,
    });
  }
  return warnings;
}

const folderExists: Check = ({ file, directory, directoryKind }) => {
  if (directoryKind === 'directory') return null;
  const what = directoryKind === 'missing' ? 'does not exist' : 'is not a folder';
  return new SqliteCantOpenError(`Cannot open ${file}: ${directory} ${what}.`, 'SQLITE_CANTOPEN', {
    hint: 'Create the folder first, or correct the path; a symbolic link on the way may point to the wrong place.',
    details: { file, directory },
  });
};

const isRegularFile: Check = ({ file, kind }) => {
  if (kind === null || kind === 'file') return null;
  const what = kind === 'directory' ? 'it is a folder' : 'it is not a regular file (a device, a pipe or a socket)';
  return new SqliteCantOpenError(`Cannot open ${file}: ${what}.`, 'SQLITE_CANTOPEN', {
    hint: 'Pass the path of the database file itself.',
    details: { file, kind },
  });
};

/** @see https://sqlite.org/howtocorrupt.html#_multiple_links_to_the_same_file */
const hasOneName: Check = ({ file, kind, nlink, otherNames }) => {
  // A folder has one link per subfolder.
  if (kind !== 'file' || nlink === null || nlink <= 1) return null;
  const names = otherNames.length === 0 ? '' : ` (${otherNames.join(', ')})`;
  return new HardLinkedDatabaseError(
    `Refused to open ${file}: the file has ${nlink} names${names}. Each name would get a journal of its own, and the commits of one side are lost.`,
    { details: { file, nlink, otherNames } },
  );
};

/** Docker's `-v app.db:/app.db`: the folder is on another filesystem, and each container has its own. */
const isNoMountPoint: Check = ({ file, directory, isMountPoint }) =>
  isMountPoint
    ? new UnsafeFilesystemError(
        `Refused to open ${file}: the file itself is a mount point, so its -wal, -shm and -journal would be on the filesystem of ${directory}, where no other mount of the file sees them.`,
        { hint: 'Mount the folder of the database instead of the file.', details: { file, directory } },
      )
    : null;

/** SQLite opens its files with O_NOFOLLOW and reports only SQLITE_CANTOPEN. */
const sidecarsAreFiles: Check = ({ file, sidecars }) => {
  const link = sidecars.find(sidecar => sidecar.isSymbolicLink);
  return link === undefined
    ? null
    : new SqliteCantOpenError(
        `Cannot open ${file}: ${link.path} is a symbolic link, which SQLite does not follow.`,
        'SQLITE_CANTOPEN',
        {
          hint: `Move the real ${link.suffix} file beside the database, or remove the link if you are sure that its target is not needed.`,
          details: { file, sidecar: link.path },
        },
      );
};

/**
 * SQLite writes into a pipe without an error, and reads a folder with SQLITE_IOERR_READ, as if the disk were failing.
 */
const sidecarsAreRegular: Check = ({ file, sidecars }) => {
  const odd = sidecars.find(sidecar => !sidecar.isFile);
  return odd === undefined
    ? null
    : new SqliteCantOpenError(
        `Cannot open ${file}: ${odd.path} is not a regular file (a folder, a device, a pipe or a socket).`,
        'SQLITE_CANTOPEN',
        {
          hint: `SQLite needs that name for its ${odd.suffix} file: move the existing file away.`,
          details: { file, sidecar: odd.path },
        },
      );
};

const sidecarsAreTrusted: Check = ({ file, planted }) => (planted === null ? null : plantedError(file, planted));

/** The refusal of a database with a planted sidecar. */
export function plantedError(file: string, { path, uid, database }: PlantedSidecar): UntrustedFileError {
  return new UntrustedFileError(
    `Refused to open ${file}: ${path} belongs to user ${uid}, who may not write the database, and SQLite would take its content for that of the database.`,
    {
      hint: `If you do not know where it comes from, move it away, and move it back for whoever misses commits: \`mv ${shellWord(path)} <other folder>\`. If a program that you trust left it, give it to the user of the database: \`chown ${database.uid}:${database.gid} ${shellWord(path)}\`.`,
      details: { file, path, uid },
    },
  );
}

/**
 * A smaller journal holds no page: a header of 512 bytes (the sector size that SQLite uses, `setSectorSize` in its
 * pager.c), and a record of 8 bytes plus the smallest page of 512. Beside an empty database it was just begun, perhaps
 * with the name of a super-journal at its end, because two files are written in one transaction. It exists while
 * another process creates the database, or after that process was killed; it holds no data.
 */
const smallestJournalWithPageBytes = 512 + 8 + 512;

/**
 * SQLite deletes a journal without its database: measured for a database that is missing and for one that is empty.
 * @see https://sqlite.org/howtocorrupt.html#_unlinking_or_renaming_a_database_file_while_in_use
 */
const journalHasDatabase: Check = ({ file, size, sidecars }) => {
  if (size !== null && size > 0) return null;
  const orphan = sidecars.find(sidecar => holdsPages(sidecar, size));
  if (orphan === undefined) return null;
  const state = size === null ? 'does not exist' : 'is empty';
  return new OrphanedJournalError(
    `Refused to open ${file}, which ${state} while ${orphan.path} holds ${orphan.size} bytes: SQLite would delete ${orphan.path} and the commits in it. Nothing was touched.`,
    {
      hint: `Put the database back beside its journal. If you deleted ${basename(file)} on purpose, delete ${orphan.path} as well (and ${file}-shm), and open it again; if you are not sure, move them away.`,
      details: { file, databaseSize: size, journal: orphan.path, journalSize: orphan.size },
    },
  );
};

function holdsPages(sidecar: SidecarFacts, databaseSize: number | null): boolean {
  if (sidecar.suffix === '-shm' || !(sidecar.isFile || sidecar.isSymbolicLink)) return false;
  const justBegun = sidecar.suffix === '-journal' && databaseSize === 0 && sidecar.size < smallestJournalWithPageBytes;
  return sidecar.size > 0 && !justBegun;
}

const superJournalIsFound: Check = ({ file, superJournal }) =>
  superJournal === null ? null : superJournalError(file, superJournal);

/** The refusal of a database whose `-journal` SQLite would delete instead of playing it back. */
export function superJournalError(file: string, missing: MissingSuperJournal): OrphanedJournalError {
  const { journal, name, reason, beside, systemError } = missing;
  return new OrphanedJournalError(
    `Refused to open ${file}: ${journal} belongs to a transaction over several databases that was cut off, and ${name}, which decides whether it was committed, ${whereItIs(missing)}. SQLite would delete ${journal}, and the database would keep half of that transaction. Nothing was touched.`,
    { hint: superJournalHint(missing), details: { file, journal, superJournal: name, reason, beside, systemError } },
  );
}

function whereItIs({ reason, beside, main, systemError }: MissingSuperJournal): string {
  if (reason === 'unreadable') return `cannot be looked for (${systemError})`;
  return reason === 'elsewhere' ? `is now ${beside}` : `is not there, nor is ${main}`;
}

function superJournalHint({ name, reason, beside, main, journal }: MissingSuperJournal): string {
  const folder = dirname(name);
  if (reason === 'unreadable')
    return `Let this user search ${folder} (it takes the right \`x\` on each folder of that path), then open the database again.`;
  if (reason === 'elsewhere')
    return `The folder was at ${folder} when the transaction was cut off. Copy ${beside} to ${name} (make that folder if it is missing), and open the database again: SQLite then undoes the transaction. Do the same for the other databases of the transaction, then delete both copies.`;
  return `Bring ${main} back to its path, with everything beside it (mount its disk, or move its folder there), and open the database again. If it is gone for ever, move the database and ${journal} to another folder, and restore the newest backup to its path.`;
}

/** better-sqlite3 would open such a file for reading only, and fail at the first write. */
const fileIsWritable: Check = ({ file, fileWriteError, attributed, refused }, { readonly }) => {
  if (readonly || fileWriteError === null) return null;
  return new SqliteReadonlyError(`Cannot open ${file} for writing: ${explain(fileWriteError)}.`, 'SQLITE_READONLY', {
    hint: rightsHint(
      fileWriteError,
      attributed,
      `Give this user the right to write the file, or open it with \`readonly: true\`.${ownersOf(file, refused)}`,
    ),
    details: { file, systemError: fileWriteError },
  });
};

const folderIsWritable: Check = (
  { file, directory, size, directoryWriteError, attributed, refused },
  { readonly, fileMustExist },
) => {
  // A missing file that must exist is left for SQLite to report.
  if (readonly || directoryWriteError === null || (size === null && fileMustExist)) return null;
  const message = `Cannot open ${file} for writing: SQLite must create files in ${directory}: ${explain(directoryWriteError)}.`;
  const context = {
    hint: rightsHint(
      directoryWriteError,
      attributed,
      size === null
        ? `Give this user the right to write the folder.${ownersOf(directory, refused)}`
        : `Give this user the right to write the folder (not only the file), or open the database with \`readonly: true\`.${ownersOf(directory, refused)}`,
    ),
    details: { file, directory, systemError: directoryWriteError },
  };
  return size === null
    ? new SqliteCantOpenError(message, 'SQLITE_CANTOPEN', context)
    : new SqliteReadonlyError(message, 'SQLITE_READONLY_DIRECTORY', context);
};

/**
 * The error for a database that SQLite has opened for reading only although writing was asked for: the system refused the other.
 * access(2) knows nothing of `chattr +a`, and of most security modules. better-sqlite3 says so at the first write.
 */
export function openedForReadingError(file: string, attributed: readonly Attributed[]): SqliteReadonlyError {
  return new SqliteReadonlyError(
    `Cannot open ${file} for writing: the system let SQLite open it for reading only.`,
    'SQLITE_READONLY',
    { hint: openedForReadingHint(attributed), details: { file } },
  );
}

/** SQLite does not say why open(2) refused: a disk that failed once, or a full table of open files, leaves nothing to see. */
function openedForReadingHint(attributed: readonly Attributed[]): string {
  const hint = rightsHint('EPERM', attributed, '');
  if (attributed.length > 0) return hint;
  return `Open it again: if that works, the disk (\`dmesg\`) or the limit of open files (\`ulimit -n\`) was the reason. Else: ${hint}`;
}

/** Most often a container whose user is not the one that Docker made the folder of a volume for. */
function ownersOf(path: string, refused: RefusedPath | null): string {
  if (refused === null || refused.path !== path) return '';
  const { owner, mode, user, group } = refused;
  const facts = ` It belongs to user ${owner} (mode ${mode.toString(8).padStart(4, '0')}), and this process runs as user ${user}`;
  // The owner is kept out by the mode, or by an access control list.
  if (owner === user) return `${facts}: \`chmod u+rwX ${shellWord(path)}\`.`;
  return `${facts}: \`chown ${user}:${group} ${shellWord(path)}\`, as root, gives it to this user (the folder of a container's volume: on the host).`;
}

function rightsHint(systemError: string, attributed: readonly Attributed[], otherwise: string): string {
  // access(2) answers EACCES where the mode forbids it.
  if (systemError === 'EPERM') {
    return attributed.length > 0
      ? attributeAdvice(attributed)
      : 'Its mode allows it: an attribute forbids it (`lsattr -d` shows it, and `chattr -i -a`, as root, takes it away; find out first who set it), or a security module such as AppArmor or SELinux (`dmesg`).';
  }
  if (systemError !== 'EROFS') return otherwise;
  return 'Find out why it is read-only (`findmnt`, `dmesg`): Linux remounts a filesystem read-only after a disk error. Mount it for writing, or open the database with `readonly: true`; a database in WAL format whose -wal and -shm are not beside it cannot be opened there: copy it to a folder that can be written.';
}

function explain(systemError: string): string {
  if (systemError === 'EROFS') return 'the filesystem is read-only (EROFS)';
  if (systemError === 'EACCES' || systemError === 'EPERM') return `this user may not write there (${systemError})`;
  return `access(2) says ${systemError}`;
}

/** Ordered: threats to data before mere failures. */
const checks: readonly Check[] = [
  isRegularFile,
  journalHasDatabase,
  hasOneName,
  isNoMountPoint,
  sidecarsAreFiles,
  sidecarsAreRegular,
  sidecarsAreTrusted,
  superJournalIsFound,
  folderExists,
  fileIsWritable,
  folderIsWritable,
];
