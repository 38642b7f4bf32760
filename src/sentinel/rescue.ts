/** Saves what a connection still sees after its files were deleted or replaced: into a new file, never into the old. */
import {
  closeSync,
  constants,
  linkSync,
  lstatSync,
  openSync,
  readSync,
  realpathSync,
  renameSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { syncWritten } from '../base/descriptor-calls';
import { sameFile } from '../base/file-identity';
import { asError, errorCode, errorMessage } from '../base/foreign-error';
import { formatBytes } from '../base/figures';
import { UntrustedFileError } from '../errors/refusals';
import { chooseBuildPlace } from '../filesystem/build-place';
import { FolderHandle } from '../filesystem/folder-handle';
import { PrivateFolder } from '../filesystem/private-folder';
import { hasRoom, readRoom, type RoomFacts } from '../filesystem/room';
import { NativeDatabase } from '../native/better-sqlite3';

/** The part of better-sqlite3's connection that a rescue uses. */
export interface RescuedConnection {
  readonly inTransaction: boolean;
  exec(sql: string): unknown;
  prepare(sql: string): { run(...values: unknown[]): unknown; get(...values: unknown[]): unknown };
}

export type Rescue =
  | {
      readonly rescued: true;
      readonly path: string;
      readonly bytes: number;
      /**
       * Null if `integrity_check` through another connection reported `ok` and the copy is synced; else its report, why
       * it could not run, or the error of the sync.
       */
      readonly problem: string | null;
    }
  | { readonly rescued: false; readonly error: Error };

/** What is saved: a database of the connection, under which name, and where. */
export interface RescueSubject {
  /** The schema, quoted: `main`, or the name that the file was attached by. */
  readonly schema: string;
  /** Name of the file. */
  readonly name: string;
  /** The folders that are tried, in this order, before the one for temporary files. */
  readonly directories: readonly string[];
}

/**
 * Writes everything that the connection has committed to one of its databases to `<name>.rescued-<UTC time>.db` in the first of `directories`
 * that takes it, then in the folder for temporary files; checks it and syncs it.
 *
 * An open transaction is rolled back first: none of it was acknowledged, and `VACUUM INTO` cannot run inside one.
 * Commits in a deleted `-wal` are still visible to the connection that has it open (measured: 101 of 101 rows).
 */
export function rescue(connection: RescuedConnection, subject: RescueSubject, now: Date): Rescue {
  const { schema, directories } = subject;
  const file = rescueName(subject.name, now);
  const failures: unknown[] = [];
  const places = new Set([...directories, tmpdir()].map(directory => resolve(directory)));
  try {
    if (connection.inTransaction) connection.exec('ROLLBACK');
    const [roomy, narrow] = byRoom([...places], bytesOfCopy(connection, schema), failures);
    for (const directory of [...roomy, ...narrow]) {
      try {
        return writeInto(connection, schema, directory, file);
      } catch (cause) {
        failures.push(cause);
      }
    }
  } catch (cause) {
    return { rescued: false, error: asError(cause) };
  }
  const tried = [...places].map(directory => join(directory, file)).join(' or ');
  const message = `No rescued copy could be written to ${tried}: ${errorMessage(failures[0])}`;
  return { rescued: false, error: new AggregateError(failures, message) };
}

/** `app.db` at noon becomes `app.db.rescued-20261121T120000.000Z.db`: sorted by time, and valid on every system. */
export function rescueName(name: string, now: Date): string {
  return `${name}.rescued-${now.toISOString().replaceAll(/[-:]/g, '')}.db`;
}

const copyName = 'copy.tmp';

/**
 * `VACUUM INTO` goes by name, so the copy is built in a folder of mode 0700 that no other user can enter, and takes its own
 * name when it is checked and synced. It stays readable by this user alone: the permissions of the database went with its
 * name.
 */
function writeInto(connection: RescuedConnection, schema: string, directory: string, file: string): Rescue {
  const target = FolderHandle.open(directory);
  try {
    if (target.look(file) !== null) throw alreadyThere(join(directory, file));
    const place = chooseBuildPlace(realpathSync(directory), [tmpdir()], 0);
    const build = PrivateFolder.create(place.folder);
    try {
      const copy = build.createFile(copyName);
      let problem: string | null;
      try {
        copy.check();
        connection.prepare(`VACUUM ${schema} INTO ?`).run(copy.path);
        copy.check();
        problem = integrityProblem(copy.path) ?? syncProblem(copy.descriptor);
        copy.check();
      } finally {
        closeSync(copy.descriptor);
      }
      const { bytes, finding } = place.sameFilesystem
        ? publish(build, copyName, target, file)
        : carry(build, target, file);
      return { rescued: true, path: join(directory, file), bytes, problem: problem ?? finding };
    } finally {
      build.remove();
    }
  } finally {
    target.close();
  }
}

/**
 * The places with room for the copy and what other services on the filesystem need, then those that have room for the copy
 * alone: it is the last one of its rows. A place without room is left out, so that no other service fails for a copy that fails.
 */
function byRoom(
  places: readonly string[],
  neededBytes: number,
  failures: unknown[],
): readonly [roomy: string[], narrow: string[]] {
  const [roomy, narrow]: [string[], string[]] = [[], []];
  for (const directory of places) {
    const room = roomAt(directory, neededBytes);
    if (room === null || hasRoom(room)) roomy.push(directory);
    else if (hasRoom({ ...room, reserveBytes: 0 })) narrow.push(directory);
    else {
      const { freeBytes } = room;
      failures.push(
        new Error(
          `no room in ${directory}: ${formatBytes(freeBytes)} are free, ${formatBytes(neededBytes)} are needed`,
        ),
      );
    }
  }
  return [roomy, narrow];
}

/** `null` where nothing can be asked: the write says what is wrong. */
function roomAt(folder: string, neededBytes: number): RoomFacts | null {
  try {
    return readRoom({ folder, neededBytes, database: folder, reserveBytes: null });
  } catch {
    return null;
  }
}

/** What `VACUUM INTO` writes at most; 0 where the connection cannot say. */
function bytesOfCopy(connection: RescuedConnection, schema: string): number {
  const ask = (name: string): number => {
    const row = connection.prepare(`PRAGMA ${schema}.${name}`).get() as Readonly<Record<string, number>>;
    return Object.values(row)[0] ?? 0;
  };
  try {
    return (ask('page_count') - ask('freelist_count')) * ask('page_size');
  } catch {
    return 0;
  }
}

interface Published {
  readonly bytes: number;
  /** Why it is not certain that the name holds after a power failure. */
  readonly finding: string | null;
}

/** Gives the finished file of a private folder its name; never over a file that stands there. */
function publish(from: PrivateFolder, name: string, target: FolderHandle, file: string): Published {
  const finished = from.at(name);
  const facts = lstatSync(finished, { bigint: true });
  try {
    linkSync(finished, target.at(file));
  } catch (cause) {
    // Not every filesystem has hard links. link(2)
    if (target.look(file) !== null) throw alreadyThere(join(target.path, file));
    if (!noHardLinks.has(errorCode(cause) ?? '')) throw target.named(cause);
    renameSync(finished, target.at(file));
  }
  const placed = target.look(file);
  if (placed === null || !sameFile(placed, facts) || !target.holds()) {
    throw new UntrustedFileError(`The rescued copy does not stand at ${join(target.path, file)}: it was moved.`, {
      hint: 'Whoever may write in that folder, or in one above it, did that. Let only trusted users write there.',
      details: { path: join(target.path, file) },
    });
  }
  return { bytes: Number(placed.size), finding: folderProblem(target) };
}

/** Copies the finished file to the filesystem of `target`, into a private folder there, and gives it its name. */
function carry(build: PrivateFolder, target: FolderHandle, file: string): Published {
  const arrived = PrivateFolder.create(target.path);
  try {
    const from = openSync(build.at(copyName), constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0));
    try {
      const { descriptor } = arrived.createFile(copyName);
      let problem: string | null;
      try {
        copyBytes(from, descriptor);
        problem = syncProblem(descriptor);
      } finally {
        closeSync(descriptor);
      }
      const published = publish(arrived, copyName, target, file);
      return { ...published, finding: problem ?? published.finding };
    } finally {
      closeSync(from);
    }
  } finally {
    arrived.remove();
  }
}

function copyBytes(from: number, to: number): void {
  const buffer = Buffer.alloc(1_048_576);
  for (let read = readSync(from, buffer); read > 0; read = readSync(from, buffer)) {
    for (let done = 0; done < read;) done += writeSync(to, buffer, done, read - done);
  }
}

function integrityProblem(path: string): string | null {
  try {
    const copy = new NativeDatabase(path, { readonly: true, fileMustExist: true });
    try {
      const found = copy.prepare<[], string>('PRAGMA integrity_check').pluck().all();
      return found.length === 1 && found[0] === 'ok' ? null : found.join('; ');
    } finally {
      copy.close();
    }
  } catch (cause) {
    // Including a schema that needs functions of the application: the copy stays, and an operator has to check it.
    return errorMessage(cause);
  }
}

/** `VACUUM INTO` leaves the sync of the new file to the caller. */
function syncProblem(descriptor: number): string | null {
  try {
    syncWritten(descriptor);
    return null;
  } catch (cause) {
    return `the disk did not confirm it: ${errorMessage(cause)}`;
  }
}

function folderProblem(folder: FolderHandle): string | null {
  try {
    folder.syncNow();
    return null;
  } catch (cause) {
    return `the disk did not confirm its name: ${errorMessage(cause)}`;
  }
}

function alreadyThere(path: string): Error {
  return Object.assign(new Error(`EEXIST: file already exists: ${path}`), { code: 'EEXIST', path });
}

/** A filesystem without hard links answers with one of these. link(2) */
const noHardLinks: ReadonlySet<string> = new Set(['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK', 'EINVAL']);
