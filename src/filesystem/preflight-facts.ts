/**
 * Gathers, by stat alone, the facts about a database, its sidecars and its folder that must be known before SQLite
 * opens it.
 */
import { constants, lstatSync, readdirSync, statSync, type Stats } from 'node:fs';
import { basename, join } from 'node:path';
import type { Attributed } from '../base/file-attributes';
import { accessError } from './access-error';
import { attributedAmong } from './linux/attributes';
import { describePath } from './linux/descriptor';
import type { Location } from './locate';
import { plantedSidecar, type PlantedSidecar } from './planted-sidecar';
import type { FilesystemReport } from './report';
import { missingSuperJournal, type MissingSuperJournal } from './super-journal';

export interface SidecarFacts {
  readonly path: string;
  readonly suffix: '-wal' | '-shm' | '-journal';
  /** Bytes. SQLite treats an empty `-wal` or `-journal` as absent. */
  readonly size: number;
  readonly isSymbolicLink: boolean;
  /** False for a folder, a pipe and the like. */
  readonly isFile: boolean;
}

/** A file or folder that the mode keeps this process from writing. */
export interface RefusedPath {
  readonly path: string;
  readonly owner: number;
  readonly mode: number;
  /** User and group of this process. */
  readonly user: number;
  readonly group: number;
}

export interface PreflightFacts {
  readonly file: string;
  readonly directory: string;
  readonly kind: Location['kind'];
  /** `null` if the file does not exist. */
  readonly size: number | null;
  readonly nlink: number | null;
  /** Other names of the file in the same folder; other folders are not searched. */
  readonly otherNames: readonly string[];
  readonly sidecars: readonly SidecarFacts[];
  /** One that a user put there who may not write the database. */
  readonly planted: PlantedSidecar | null;
  /** The `-journal` names a super-journal that is not there, and SQLite would draw the wrong conclusion. */
  readonly superJournal: MissingSuperJournal | null;
  /** A `-shm` exists without a `-wal`. */
  readonly walMissing: boolean;
  readonly directoryKind: 'directory' | 'other' | 'missing';
  /** Error of access(2); `null`: writable. */
  readonly fileWriteError: string | null;
  readonly directoryWriteError: string | null;
  /** Who owns what may not be written, and who asks; `null` without a refusal, without users, and for a report. */
  readonly refused: RefusedPath | null;
  /** The files and the folder that chattr(1) made append-only or immutable. At an open, asked only after an EPERM. */
  readonly attributed: readonly Attributed[];
  /** The file is a mount of its own; its sidecars would be on another filesystem. */
  readonly isMountPoint: boolean;
  /** Another user owns the file, and all users can write it. */
  readonly worldWritableOfAnother: boolean;
}

/** Folders with more names than this are not searched for the other names of a hard link. */
const searchedNames = 2000;

export interface PreflightLook {
  /** The report on the file if one exists; without it, the mount is determined here. */
  readonly filesystem?: FilesystemReport | null;
  /** Also read the attributes where nothing is refused, which starts processes; without owners: a report has its own findings. */
  readonly forReport?: boolean;
  /** How long another process may take to end a commit, in milliseconds. Default 0. */
  readonly waitMs?: number;
}

export function preflightFacts(location: Location, look: PreflightLook = {}): PreflightFacts {
  const { filesystem = null, forReport = false, waitMs = 0 } = look;
  // The sidecars first: a database that is being created exists before its journal. Without one, the look of `locate` counts.
  const sidecars = (['-wal', '-shm', '-journal'] as const).flatMap(suffix => sidecarFacts(location.file, suffix));
  const stats = sidecars.length === 0 ? seenBy(location) : statOf(location.file);
  const fileWriteError = stats === null ? null : accessError(location.file, constants.W_OK);
  const directoryWriteError = accessError(location.directory, constants.W_OK | constants.X_OK);
  const lookForAttributes = forReport || fileWriteError === 'EPERM' || directoryWriteError === 'EPERM';
  const paths = [location.file, ...sidecars.map(({ path }) => path), location.directory];
  return {
    file: location.file,
    directory: location.directory,
    kind: stats?.kind ?? null,
    size: stats?.size ?? null,
    nlink: stats?.nlink ?? null,
    otherNames: stats !== null && stats.kind === 'file' && stats.nlink > 1 ? namesBeside(location) : [],
    sidecars,
    planted: sidecars.length === 0 ? null : plantedSidecar(location.file),
    superJournal: sidecars.some(({ suffix, size }) => suffix === '-journal' && size > 0)
      ? missingSuperJournal(location.file, waitMs)
      : null,
    walMissing: isWalMissing(location.file, sidecars),
    directoryKind: location.exists ? 'directory' : directoryKind(location.directory),
    fileWriteError,
    directoryWriteError,
    refused: forReport ? null : refusedPath(location, fileWriteError, directoryWriteError),
    attributed: lookForAttributes ? attributedAmong(paths) : [],
    isMountPoint: stats !== null && isMountPoint(location, filesystem),
    worldWritableOfAnother: stats !== null && isWorldWritableOfAnother(stats),
  };
}

/** What is known of a file that exists. */
interface Looked {
  readonly kind: 'file' | 'directory' | 'other';
  /** Bytes. */
  readonly size: number;
  readonly nlink: number;
  readonly mode: number;
  readonly owner: number;
}

function seenBy({ kind, size, nlink, mode, owner }: Location): Looked | null {
  if (kind === null || size === null || nlink === null || mode === null || owner === null) return null;
  return { kind, size, nlink, mode, owner };
}

function refusedPath(
  { file, directory }: Location,
  fileError: string | null,
  folderError: string | null,
): RefusedPath | null {
  const path = fileError === 'EACCES' ? file : folderError === 'EACCES' ? directory : null;
  if (path === null) return null;
  const stats = statOf(path);
  const [user, group] = [process.geteuid?.(), process.getegid?.()];
  if (stats === null || user === undefined || group === undefined) return null;
  return { path, owner: stats.owner, mode: stats.mode & 0o7777, user, group };
}

function sidecarFacts(file: string, suffix: SidecarFacts['suffix']): readonly SidecarFacts[] {
  const path = `${file}${suffix}`;
  try {
    const stats = lstatSync(path, { throwIfNoEntry: false });
    if (stats === undefined) return [];
    return [{ path, suffix, size: stats.size, isSymbolicLink: stats.isSymbolicLink(), isFile: stats.isFile() }];
  } catch {
    return []; // Not searchable: opening the database reports the reason.
  }
}

/**
 * SQLite creates the `-wal` before the `-shm` and deletes it afterwards, and never leaves the `-shm` alone. Another
 * process may do either between two checks: each file is checked twice, in an order that rules this out.
 */
function isWalMissing(file: string, found: readonly SidecarFacts[]): boolean {
  const lacks = (sidecars: readonly SidecarFacts[]): boolean =>
    sidecars.some(({ suffix, size }) => suffix === '-shm' && size > 0) &&
    !sidecars.some(({ suffix }) => suffix === '-wal');
  return lacks(found) && lacks((['-shm', '-wal'] as const).flatMap(suffix => sidecarFacts(file, suffix)));
}

function statOf(path: string): Looked | null {
  try {
    const stats = statSync(path, { throwIfNoEntry: false });
    if (stats === undefined) return null;
    const { size, nlink, mode, uid } = stats;
    return { kind: kindOf(stats), size, nlink, mode, owner: uid };
  } catch {
    return null;
  }
}

function kindOf(stats: Stats): Looked['kind'] {
  if (stats.isFile()) return 'file';
  return stats.isDirectory() ? 'directory' : 'other';
}

function directoryKind(path: string): PreflightFacts['directoryKind'] {
  const stats = statOf(path);
  if (stats === null) return 'missing';
  return stats.kind === 'directory' ? 'directory' : 'other';
}

function namesBeside(location: Location): readonly string[] {
  try {
    const wanted = statSync(location.file);
    const names = readdirSync(location.directory);
    if (names.length > searchedNames) return [];
    return names
      .filter(name => name !== basename(location.file))
      .map(name => join(location.directory, name))
      .filter(path => {
        const stats = lstatSync(path, { throwIfNoEntry: false });
        return stats !== undefined && stats.ino === wanted.ino && stats.dev === wanted.dev;
      });
  } catch {
    return [];
  }
}

function isMountPoint(location: Location, filesystem: FilesystemReport | null): boolean {
  if (process.platform !== 'linux') return false;
  if (filesystem !== null) return filesystem.evidence.mountId !== filesystem.evidence.folderMountId;
  try {
    const file = describePath(location.file);
    const folder = describePath(location.directory);
    return file !== null && folder !== null && file.mountId !== folder.mountId;
  } catch {
    return false; // Not searchable: opening the database reports the reason.
  }
}

function isWorldWritableOfAnother({ mode, owner }: Looked): boolean {
  const everybodyWrites = (mode & constants.S_IWOTH) !== 0;
  return process.getuid !== undefined && everybodyWrites && owner !== process.getuid();
}
