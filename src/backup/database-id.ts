/** Gives a database an id of its own, which its backups carry: paths, hosts and inode numbers are no identity. */
import { createHash, randomBytes } from 'node:crypto';
import {
  closeSync,
  constants,
  existsSync,
  fstatSync,
  lstatSync,
  openSync,
  readlinkSync,
  statSync,
  writeSync,
} from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { chmodOpen, chownOpen, syncedWrites, syncWritten } from '../base/descriptor-calls';
import { procFolder } from '../base/proc-folder';
import { wallClockNow } from '../base/clock';
import { errorMessage } from '../base/foreign-error';
import { bootId } from '../filesystem/fence-marker';
import { FolderHandle } from '../filesystem/folder-handle';
import { isText, parseShape, type Shape } from '../filesystem/json-shape';
import { readSmallFile } from '../filesystem/small-file';
import { isTrusted } from '../filesystem/trust';
import { noHardLinks, tryLink } from './durable-rename';
import { temporaryName, thisProcess } from '../filesystem/process-id';

/**
 * The content of `<database>-backup-id`.
 *
 * Two containers have different databases at equal paths, and a restore gives the same database another inode: a random
 * id in a file beside the database stays with it through both, and through VACUUM, a restart and another host name.
 */
interface IdText {
  readonly format: 1;
  readonly id: string;
  /** Canonical path of the database when the id was assigned. */
  readonly file: string;
  /** The mark of the file that holds this text: a copy of it has another mark. */
  readonly mark: string;
  /** Where `file` can be found: the boot and the mounts of the process that wrote this. */
  readonly place: string;
  readonly created: string;
}

export interface DatabaseId {
  readonly id: string;
  /** A message for the operator, for example that the database was copied; `null`: none. */
  readonly notice: string | null;
}

const shape: Shape<IdText> = {
  format: value => value === 1,
  id: isId,
  file: isText(16_384),
  mark: isText(64),
  place: isText(64),
  created: isText(64),
};

/** More than any of these files has, in bytes. */
const maxBytes = 32_768;

export function isId(value: unknown): boolean {
  return typeof value === 'string' && /^[0-9a-f]{32}$/.test(value);
}

/** Beside the database, with which it moves. */
export function databaseIdPath(file: string): string {
  return `${file}-backup-id`;
}

/** Distinguishes a file from a copy of it. Birth times are kept by ext4, xfs, btrfs, NTFS and APFS; inodes by most. */
export function markOf({ ino, birthtimeMs }: { readonly ino: number; readonly birthtimeMs: number }): string {
  return `${ino}.${Math.floor(birthtimeMs)}`;
}

/** The state of the file, without a decision. */
export type IdFinding =
  | { readonly state: 'missing' }
  | { readonly state: 'known'; readonly id: string }
  /** A copy of the file, made with the database: it is not always clear which of the two is the original. */
  | { readonly state: 'copied'; readonly text: IdText }
  /** Another user's, a link, or nonsense. */
  | { readonly state: 'refused'; readonly what: string };

export function readDatabaseId(file: string): IdFinding {
  const found = readSmallFile(databaseIdPath(file), maxBytes);
  if (found.state === 'missing') return found;
  if (found.state === 'refused') return { state: 'refused', what: `it is ${found.what}` };
  const { uid } = found.stats;
  const owner = statSync(file, { throwIfNoEntry: false })?.uid;
  if (!isTrusted(uid) && uid !== owner) return { state: 'refused', what: `it belongs to user ${uid}` };
  const text = parseShape(found.text, shape);
  if (text === null) return { state: 'refused', what: 'it does not have the form of such a file' };
  return isSameMark(text.mark, markOf(found.stats)) ? { state: 'known', id: text.id } : { state: 'copied', text };
}

/** Equal birth times belong to one file; without birth times the inodes are compared. */
export function isSameMark(one: string, other: string): boolean {
  const [[ino, birth], [otherIno, otherBirth]] = [one.split('.'), other.split('.')];
  return birth !== '0' && otherBirth !== '0' ? birth === otherBirth : ino === otherIno;
}

/** The part of a backup's manifest that identifies its database. */
export interface IdClue {
  readonly id: string;
  /** Mark of the database when the backup was made. */
  readonly mark: string;
}

/**
 * Returns the id of the database; assigns one if it has none.
 *
 * `clues` are those of the backups in the folder for new ones: a database that was renamed without its `-backup-id` is
 * still the same file. Nothing is guessed: a database whose `-backup-id` was copied with it gets a new id, and the
 * notice reports it, unless the original is known to be gone from this machine.
 */
export async function establishDatabaseId(file: string, clues: readonly IdClue[]): Promise<DatabaseId> {
  takeOwnCopy(databaseIdPath(file));
  const ofCopy = idOfCopy(databaseIdPath(file));
  const found = readDatabaseId(file);
  if (found.state === 'known') return { id: found.id, notice: null };
  const facts = statSync(file, { throwIfNoEntry: false });
  const mark = facts === undefined ? null : markOf(facts);
  if (found.state === 'refused')
    return { id: derivedId(file, mark), notice: `${databaseIdPath(file)} is not used: ${found.what}.` };
  if (found.state === 'copied') {
    const decided = judgeCopy(
      file,
      found.text,
      found.text.place === placeMark() ? whatStandsAt(found.text) : 'unknown',
    );
    return write(file, decided.id ?? ofCopy, decided.notice, true);
  }
  const ids = new Set(clues.filter(clue => mark !== null && isSameFile(clue.mark, mark)).map(clue => clue.id));
  const [known] = ids;
  return write(file, ids.size === 1 && known !== undefined ? known : newId(), null, false);
}

/**
 * Makes an overlay filesystem copy the file of a lower layer, as an image of containers is, and so gives it a mark of its
 * own: all containers of one image see one inode until they write. Opening it for writing is enough; elsewhere nothing
 * happens. https://docs.kernel.org/filesystems/overlayfs.html#non-directories
 */
function takeOwnCopy(path: string): void {
  try {
    if (lstatSync(path, { throwIfNoEntry: false })?.isFile() !== true) return;
    closeSync(openSync(path, constants.O_RDWR | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0)));
  } catch {
    // It may only be read: then it cannot be written for another container either.
  }
}

/** For a database without its id file both numbers must match. */
function isSameFile(one: string, other: string): boolean {
  return one === other && !one.endsWith('.0');
}

/** Decides about an id that was copied with its database. Pure. */
export function judgeCopy(
  file: string,
  text: { readonly id: string; readonly file: string },
  original: 'stands' | 'gone' | 'unknown',
): { readonly id: string | null; readonly notice: string | null } {
  if (original === 'gone') return { id: text.id, notice: null };
  const earlier = `Backups that carry its former name (${text.id}) stay, and are not removed.`;
  if (original === 'stands') {
    return { id: null, notice: `${file} is a copy of ${text.file}: its backups are kept apart. ${earlier}` };
  }
  return {
    id: null,
    notice: `${file} was copied, or moved from another filesystem; whether the original is still in use cannot be told, so its backups begin anew. ${earlier}`,
  };
}

function whatStandsAt({ file, id }: IdText): 'stands' | 'gone' {
  const found = readDatabaseId(file);
  return found.state === 'known' && found.id === id ? 'stands' : 'gone';
}

/** If no file can be written: stable while neither path nor file changes. */
function derivedId(file: string, mark: string | null): string {
  return createHash('sha256')
    .update(`${file}\n${mark ?? ''}\n${placeMark()}`)
    .digest('hex')
    .slice(0, 32);
}

/**
 * The new id of a database whose `-backup-id` is a copy. Processes that meet the same copy at the same time must agree, so it
 * follows from the copy itself: its times, in nanoseconds, and its inode. Call it before the file is read.
 */
function idOfCopy(path: string): string {
  const stats = lstatSync(path, { bigint: true, throwIfNoEntry: false });
  if (stats === undefined) return newId();
  const { dev, ino, birthtimeNs, ctimeNs } = stats;
  return createHash('sha256')
    .update(`${dev}.${ino}.${birthtimeNs}.${ctimeNs}\n${bootId() ?? ''}`)
    .digest('hex')
    .slice(0, 32);
}

function newId(): string {
  return randomBytes(16).toString('hex');
}

async function write(file: string, id: string, notice: string | null, replaces: boolean): Promise<DatabaseId> {
  const path = databaseIdPath(file);
  try {
    const folder = FolderHandle.open(dirname(file));
    try {
      const temporary = folder.at(temporaryName(thisProcess(), randomBytes(6).toString('hex')));
      try {
        writeText(temporary, file, id);
        const name = folder.at(basename(path));
        if (replaces) await rename(temporary, name);
        else if (!(await tryLink(temporary, name, noHardLinks)) && !existsSync(name)) await rename(temporary, name);
      } finally {
        await rm(temporary, { force: true });
      }
      await folder.sync();
      return { id, notice };
    } finally {
      folder.close();
    }
  } catch (error) {
    // Another process of this database was faster, or the folder could not be synced: the id that stands counts.
    const found = readDatabaseId(file);
    if (found.state === 'known') return { id: found.id, notice };
    const mark = statSync(file, { throwIfNoEntry: false });
    return {
      id: derivedId(file, mark === undefined ? null : markOf(mark)),
      notice: `${path} cannot be written (${errorMessage(error)}): the backups of this database are distinguished by its path and file, and start anew when those change.`,
    };
  }
}

function writeText(path: string, file: string, id: string): void {
  const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | syncedWrites();
  const descriptor = openSync(path, flags, 0o600);
  try {
    const text: IdText = {
      format: 1,
      id,
      file,
      mark: markOf(fstatSync(descriptor)),
      place: placeMark(),
      created: new Date(wallClockNow()).toISOString(),
    };
    const bytes = Buffer.from(`${JSON.stringify(text, null, 2)}\n`);
    for (let done = 0; done < bytes.length;) done += writeSync(descriptor, bytes, done);
    giveAccessOf(file, descriptor, path);
    syncWritten(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

/** Readers of the database may read its id; a process of root gives it to the owner of the database. */
function giveAccessOf(file: string, descriptor: number, path: string): void {
  const database = statSync(file, { throwIfNoEntry: false });
  if (database === undefined || process.geteuid === undefined) return;
  try {
    if (process.geteuid() === 0) chownOpen(descriptor, path, database.uid, database.gid);
    const { gid } = fstatSync(descriptor);
    chmodOpen(descriptor, path, database.mode & (gid === database.gid ? 0o666 : 0o606));
  } catch {
    // A filesystem without owners: the file stays private.
  }
}

/** Within one boot and one set of mounts a path leads to one place. mount_namespaces(7) */
function placeMark(): string {
  let mounts = '';
  try {
    mounts = readlinkSync(`${procFolder}/self/ns/mnt`);
  } catch {
    // Not on Linux: there are no such namespaces.
  }
  return createHash('sha256')
    .update(`${bootId() ?? ''}\n${mounts}`)
    .digest('hex')
    .slice(0, 16);
}
