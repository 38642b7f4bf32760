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
import { basename, dirname, resolve } from 'node:path';
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
import { judgeId, noticeOf, type Likeness, type NamedPlace } from './identity-rules';
import { temporaryName, thisProcess } from '../filesystem/process-id';

/**
 * The content of `<database>-backup-id`.
 *
 * Two containers have different databases at equal paths, and a restore gives the same database another inode: a random
 * id in a file beside the database stays with it through both, and through VACUUM, a restart and another host name.
 */
interface IdText extends OlderIdText {
  /** The newest backup in each of the last folders, the last one first: the next process misses it if it is gone. */
  readonly newest: readonly NewestBackup[];
}

/** Format 1, without `newest`. */
interface OlderIdText {
  readonly format: 1 | 2;
  readonly id: string;
  /** Canonical path of the database when this was written. */
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

interface NewestBackup {
  readonly folder: string;
  readonly name: string;
}

const olderShape: Shape<OlderIdText> = {
  format: value => value === 1,
  id: isId,
  file: isText(16_384),
  mark: isText(64),
  place: isText(64),
  created: isText(64),
};

const shape: Shape<IdText> = {
  ...olderShape,
  format: value => value === 2,
  newest: value => Array.isArray(value) && value.length <= maxFolders && value.every(isNewestBackup),
};

/** Programs that share a database may have a folder each. */
const maxFolders = 4;
const maxFolderText = 4096;
const maxNameText = 1024;

function isNewestBackup(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  const text = JSON.stringify(value);
  return parseShape<NewestBackup>(text, { folder: isText(maxFolderText), name: isText(maxNameText) }) !== null;
}

function parseText(text: string): IdText | null {
  const older = parseShape(text, olderShape);
  return older === null ? parseShape(text, shape) : { ...older, newest: [] };
}

/** More than any of these files has, in bytes. */
const maxBytes = 262_144;

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
  const found = inspect(file);
  if (found.state !== 'read') return found;
  const { text, likeness } = found;
  return likeness === 'same' ? { state: 'known', id: text.id } : { state: 'copied', text };
}

type Inspection =
  | { readonly state: 'missing' }
  | { readonly state: 'refused'; readonly what: string }
  | { readonly state: 'read'; readonly text: IdText; readonly likeness: Likeness; readonly file: string };

function inspect(file: string): Inspection {
  const found = readSmallFile(databaseIdPath(file), maxBytes);
  if (found.state === 'missing') return found;
  if (found.state === 'refused') return { state: 'refused', what: `it is ${found.what}` };
  const { uid, dev, ino } = found.stats;
  const owner = statSync(file, { throwIfNoEntry: false })?.uid;
  if (!isTrusted(uid) && uid !== owner) return { state: 'refused', what: `it belongs to user ${uid}` };
  const text = parseText(found.text);
  if (text === null) return { state: 'refused', what: 'it does not have the form of such a file' };
  return { state: 'read', text, likeness: likenessOf(text.mark, markOf(found.stats)), file: `${dev}.${ino}` };
}

function likenessOf(recorded: string, found: string): Likeness {
  if (isSameMark(recorded, found)) return 'same';
  return recorded.endsWith('.0') || found.endsWith('.0') ? 'unsure' : 'copy';
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
 * notice reports it. A database that was moved keeps its id, and `-backup-id` then names the new path: a copy that is made
 * there later finds its original by it. With `mayFollow: false` that path is not rewritten.
 */
export async function establishDatabaseId(
  file: string,
  clues: readonly IdClue[],
  { mayFollow = true }: { readonly mayFollow?: boolean } = {},
): Promise<DatabaseId> {
  takeOwnCopy(databaseIdPath(file));
  const ofCopy = idOfCopy(databaseIdPath(file));
  const found = inspect(file);
  const facts = statSync(file, { throwIfNoEntry: false });
  const mark = facts === undefined ? null : markOf(facts);
  if (found.state === 'refused')
    return { id: derivedId(file, mark), notice: `${databaseIdPath(file)} is not used: ${found.what}.` };
  if (found.state === 'read') {
    const { text, likeness } = found;
    const verdict = judgeId({ likeness, isAtNamedPath: text.file === file, named: namedPlace(found) });
    const notice = noticeOf(verdict, file, text);
    if (verdict.history === 'new') return write(file, { id: ofCopy, newest: [] }, notice, text.id);
    const rewrites = verdict.reason === 'moved' ? mayFollow : verdict.reason === 'other-inode';
    if (rewrites) await replace(file, text).catch(() => {});
    return { id: text.id, notice };
  }
  const ids = new Set(clues.filter(clue => mark !== null && isSameFile(clue.mark, mark)).map(clue => clue.id));
  const [known] = ids;
  return write(file, { id: ids.size === 1 && known !== undefined ? known : newId(), newest: [] }, null, null);
}

/** Looks at the path that the file names, if it leads for this process where it led for the one that wrote it. */
function namedPlace({ text, file }: Inspection & { readonly state: 'read' }): NamedPlace {
  if (text.place !== placeMark()) return 'unknown';
  const there = inspect(text.file);
  if (there.state !== 'read' || there.text.id !== text.id) return 'none';
  if (there.file === file) return 'itself';
  return there.likeness === 'copy' ? 'copy' : 'another';
}

/** The text beside the database, if it was written for it and has this id. */
function textOf(file: string, id: string): IdText | null {
  const found = inspect(file);
  return found.state === 'read' && found.likeness === 'same' && found.text.id === id ? found.text : null;
}

/** Returns the name of the newest backup that was noted for a folder; `null`: none was. */
export function notedBackup(file: string, id: string, folder: string): string | null {
  const text = textOf(file, id);
  return text?.newest.find(each => each.folder === resolve(folder))?.name ?? null;
}

/**
 * Notes the newest backup beside the database, durably. Does nothing if the id there is not this one any more: then another
 * database has the path, or the file was copied. Rejects if it cannot be written.
 */
export async function noteBackup(file: string, id: string, backup: string): Promise<void> {
  const text = textOf(file, id);
  if (text === null) return;
  const noted = { folder: resolve(dirname(backup)), name: basename(backup) };
  if (noted.folder.length > maxFolderText || noted.name.length > maxNameText) return;
  const others = text.newest.filter(({ folder }) => folder !== noted.folder);
  await replace(file, { ...text, newest: [noted, ...others].slice(0, maxFolders) });
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

/** What of the text is not found out when it is written. */
interface Content {
  readonly id: string;
  readonly newest: readonly NewestBackup[];
  readonly created?: string;
}

/** `former`: the id in the file that is replaced; `null` for the first file. */
async function write(
  file: string,
  content: Content,
  notice: string | null,
  former: string | null,
): Promise<DatabaseId> {
  try {
    if (former === null) await place(file, content, false);
    else await replace(file, content);
    return { id: content.id, notice };
  } catch (error) {
    // Another process of this database was faster, or the folder could not be synced: the id that stands counts.
    const found = readDatabaseId(file);
    if (found.state === 'known' && found.id !== former) return { id: found.id, notice };
    const mark = statSync(file, { throwIfNoEntry: false });
    return {
      id: derivedId(file, mark === undefined ? null : markOf(mark)),
      notice: `${databaseIdPath(file)} cannot be written (${errorMessage(error)}): the backups of this database are distinguished by its path and file, and start anew when those change.`,
    };
  }
}

function replace(file: string, content: Content): Promise<void> {
  return place(file, content, true);
}

async function place(file: string, content: Content, replaces: boolean): Promise<void> {
  const folder = FolderHandle.open(dirname(file));
  try {
    const temporary = folder.at(temporaryName(thisProcess(), randomBytes(6).toString('hex')));
    try {
      writeText(temporary, file, content);
      const name = folder.at(basename(databaseIdPath(file)));
      if (replaces) await rename(temporary, name);
      else if (!(await tryLink(temporary, name, noHardLinks)) && !existsSync(name)) await rename(temporary, name);
    } finally {
      await rm(temporary, { force: true });
    }
    await folder.sync();
  } finally {
    folder.close();
  }
}

function writeText(path: string, file: string, { id, newest, created }: Content): void {
  const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | syncedWrites();
  const descriptor = openSync(path, flags, 0o600);
  try {
    const text: IdText = {
      format: 2,
      id,
      file,
      mark: markOf(fstatSync(descriptor)),
      place: placeMark(),
      created: created ?? new Date(wallClockNow()).toISOString(),
      newest,
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
