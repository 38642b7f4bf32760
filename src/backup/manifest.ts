/** Writes and reads the manifest of a scheduled backup: what it is, so that a restore can be chosen without opening it. */
import { closeSync, constants, fstatSync, lutimesSync, openSync, writeSync } from 'node:fs';
import { basename } from 'node:path';
import { randomBytes } from 'node:crypto';
import { rename, rm } from 'node:fs/promises';
import { chmodOpen, chownOpen, syncedWrites, syncWritten } from '../base/descriptor-calls';
import { currentDate, delay } from '../base/clock';
import { sameFile } from '../base/file-identity';
import { UntrustedFileError } from '../errors/refusals';
import { modeWithoutGroup } from '../filesystem/access-list';
import type { FolderHandle } from '../filesystem/folder-handle';
import { isCount, isNullOr, isText, parseShape, type Shape } from '../filesystem/json-shape';
import { readSmallFile } from '../filesystem/small-file';
import { isId, markOf } from './database-id';
import { alreadyThere, noHardLinks, tryLink } from './durable-rename';
import type { BackupResult } from './options';
import { temporaryName, thisProcess } from '../filesystem/process-id';

/** Fields of every version of the format. */
interface ManifestFacts {
  /** Canonical path of the database that was backed up. */
  readonly source: string;
  /** When the backup was started, ISO 8601. */
  readonly created: string;
  readonly bytes: number;
  readonly pages: number;
  readonly sha256: string;
  readonly method: BackupResult['method'];
  readonly verified: BackupResult['verified'];
  readonly foreignKeyViolations: number | null;
  readonly sqliteVersion: string;
  /** `PRAGMA schema_version` of the backup. */
  readonly schemaVersion: number;
  /** `PRAGMA user_version`, in which many applications keep the number of their last migration. */
  readonly userVersion: number;
}

/** The first format names the database by its path alone, which another database may have as well. */
export interface FirstManifest extends ManifestFacts {
  readonly format: 1;
}

export interface CurrentManifest extends ManifestFacts {
  /** Version of this format. */
  readonly format: 2;
  /** The id in `<database>-backup-id`. */
  readonly database: string;
  /** Inode and birth time of the database, which identify a renamed database. */
  readonly mark: string;
}

export type BackupManifest = FirstManifest | CurrentManifest;

const facts: Shape<ManifestFacts> = {
  source: isText(16_384),
  created: value => typeof value === 'string' && !Number.isNaN(Date.parse(value)),
  bytes: isCount,
  pages: isCount,
  sha256: value => typeof value === 'string' && /^[0-9a-f]{64}$/.test(value),
  method: value => value === 'vacuum-into' || value === 'online',
  verified: value => value === 'quick' || value === 'full' || value === 'off' || value === 'partial',
  foreignKeyViolations: isNullOr(isCount),
  sqliteVersion: isText(64),
  schemaVersion: Number.isSafeInteger,
  userVersion: Number.isSafeInteger,
};
const firstForm: Shape<FirstManifest> = { format: value => value === 1, ...facts };
const currentForm: Shape<CurrentManifest> = {
  format: value => value === 2,
  database: isId,
  mark: isText(64),
  ...facts,
};
/** More than any manifest needs, in bytes. */
const maxBytes = 65_536;

export interface ManifestSubject {
  readonly source: string;
  readonly id: string;
  /** `null`: the file is gone. */
  readonly stats: { readonly ino: number; readonly birthtimeMs: number } | null;
}

export function manifestOf(
  { source, id, stats }: ManifestSubject,
  createdMs: number,
  result: BackupResult,
): CurrentManifest {
  const { bytes, pages, sha256, method, verified, foreignKeyViolations, sqliteVersion, schemaVersion, userVersion } =
    result;
  return {
    format: 2,
    database: id,
    mark: stats === null ? '0.0' : markOf(stats),
    source,
    created: new Date(createdMs).toISOString(),
    bytes,
    pages,
    sha256,
    method,
    verified,
    foreignKeyViolations,
    sqliteVersion,
    schemaVersion,
    userVersion,
  };
}

/** Who may read the backup that a manifest is of. */
export interface ManifestAccess {
  readonly mode: number;
  readonly gid: number;
}

/**
 * Writes a manifest that only this user can read, whole and synced, or not at all. Rejects with EEXIST where a file has that
 * name: it is the manifest of another backup.
 */
export async function writeManifest(folder: FolderHandle, path: string, manifest: BackupManifest): Promise<void> {
  const name = basename(path);
  const temporary = folder.at(temporaryName(thisProcess(), randomBytes(6).toString('hex')));
  const descriptor = openSync(temporary, createFlags | syncedWrites(), 0o600);
  let placed = false;
  try {
    const text = Buffer.from(`${JSON.stringify(manifest, null, 2)}\n`);
    for (let done = 0; done < text.length;) done += writeSync(descriptor, text, done);
    syncWritten(descriptor);
    if (!(await tryLink(temporary, folder.at(name), noHardLinks))) {
      if (folder.look(name) !== null) throw alreadyThere(path);
      await rename(temporary, folder.at(name));
    }
    placed = true;
    await folder.sync();
    refuseExchanged(descriptor, folder, name, path);
  } catch (error) {
    if (placed) await rm(folder.at(name), { force: true }).catch(() => {});
    throw folder.named(error);
  } finally {
    closeSync(descriptor);
    await rm(temporary, { force: true }).catch(() => {});
  }
}

const createFlags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL;

/** Longer than a tick of the clock that the kernel gives files their times by, in milliseconds. */
const tickMs = 20;

/**
 * Gives the manifest the access of its backup, and a later change time, which shows that the backup was not touched since: after a
 * tick, so that equal times mean a change.
 */
export async function completeManifest(folder: FolderHandle, backup: string, manifest: string): Promise<void> {
  try {
    const found = folder.look(basename(backup));
    if (found === null) return;
    const path = folder.at(basename(manifest));
    const descriptor = openSync(path, constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0));
    try {
      giveAccess(descriptor, path, { mode: Number(found.mode), gid: Number(found.gid) });
    } finally {
      closeSync(descriptor);
    }
    await delay(tickMs);
    if (folder.look(basename(backup))?.ctimeNs !== found.ctimeNs) return;
    const now = currentDate();
    lutimesSync(path, now, now);
  } catch {
    // It stays private, and its backup is read once more.
  }
}

function giveAccess(descriptor: number, path: string, access: ManifestAccess): void {
  let mode = access.mode & 0o666;
  try {
    const { uid, gid } = fstatSync(descriptor);
    if (gid !== access.gid) {
      try {
        chownOpen(descriptor, path, uid, access.gid);
      } catch {
        mode = modeWithoutGroup(mode);
      }
    }
    chmodOpen(descriptor, path, mode);
  } catch {
    // A filesystem without permissions: it stays private.
  }
}

function refuseExchanged(descriptor: number, folder: FolderHandle, name: string, path: string): void {
  const found = folder.look(name);
  if (found !== null && found.isFile() && sameFile(found, fstatSync(descriptor, { bigint: true }))) return;
  throw new UntrustedFileError(`The manifest ${path} is not the file that was written: it has been replaced.`, {
    details: { path },
  });
}

/** Returns `null` if there is no manifest, `isOwner` rejects its user, or it does not have the form of one. */
export function readManifest(path: string, isOwner: (uid: number) => boolean): BackupManifest | null {
  return readManifestFile(path, isOwner).manifest;
}

/** The same, with the time of the last change of the manifest, in milliseconds since 1970. */
export function readManifestFile(
  path: string,
  isOwner: (uid: number) => boolean,
): { readonly manifest: BackupManifest | null; readonly changedMs: number } {
  const found = readSmallFile(path, maxBytes);
  if (found.state !== 'read' || !isOwner(found.stats.uid)) return { manifest: null, changedMs: -Infinity };
  const manifest = parseShape(found.text, currentForm) ?? parseShape(found.text, firstForm);
  return { manifest, changedMs: found.stats.ctimeMs };
}
