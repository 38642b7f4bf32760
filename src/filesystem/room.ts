/** Decides whether there is room for what is to be written, beside what a service needs on the same filesystem. */
import { accessSync, constants, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { namedTempFolders } from '../options/temp-folders';
import { readSpace } from './space';

export interface RoomFacts {
  /** Free to this user where it is written. */
  readonly freeBytes: number;
  /** What is still to be written. */
  readonly neededBytes: number;
  /** What must stay free for the service. */
  readonly reserveBytes: number;
}

/** There is room for what is to be written, and for the service. Pure. */
export function hasRoom({ freeBytes, neededBytes, reserveBytes }: RoomFacts): boolean {
  return freeBytes >= neededBytes + reserveBytes;
}

const share = 0.05;
/** 5 % of a very large disk is more than any service writes during a backup. */
const mostShare = 1_073_741_824;

/**
 * What stays for the service by default: 5 % of the filesystem (1 GiB at most), or twice the size at which the WAL is copied back
 * where that is more. Nothing on another filesystem than that of the database. Pure.
 */
export function defaultReserve(totalBytes: number, walBytes: number, sharesFilesystem: boolean): number {
  return sharesFilesystem ? Math.max(Math.min(totalBytes * share, mostShare), 2 * walBytes) : 0;
}

/** The default of `checkpoint.walBytes`. */
export const usualWalBytes = 4_096_000;

export interface RoomRequest {
  /** The folder that is written to. */
  readonly folder: string;
  readonly neededBytes: number;
  /** A file of the database whose service needs the reserve; `null` for one without a file. */
  readonly database: string | null;
  /** The size at which its WAL is copied back. Default: that of the option. */
  readonly walBytes?: number | undefined;
  /** `null`: the default. */
  readonly reserveBytes: number | null;
}

/** The room on the filesystem of `folder`. Throws the system's error where it cannot be asked. */
export function readRoom({ folder, neededBytes, database, walBytes, reserveBytes }: RoomRequest): RoomFacts {
  const { freeBytes, totalBytes } = readSpace(folder);
  const reserve =
    reserveBytes ?? defaultReserve(totalBytes, walBytes ?? usualWalBytes, onOneFilesystem(folder, database));
  return { freeBytes, neededBytes, reserveBytes: reserve };
}

/** False where one of them is not there. */
export function onOneFilesystem(one: string, other: string | null): boolean {
  if (other === null) return false;
  const [first, second] = [one, other].map(path => statSync(path, { throwIfNoEntry: false })?.dev);
  return first !== undefined && first === second;
}

/** Where SQLite makes its temporary files. https://sqlite.org/tempfiles.html#temporary_file_storage_locations */
export function sqliteTempFolder(): string {
  if (process.platform === 'win32') return tmpdir();
  for (const folder of [...namedTempFolders(), '/var/tmp', '/usr/tmp', '/tmp']) {
    try {
      accessSync(folder, constants.W_OK | constants.X_OK);
      if (statSync(folder).isDirectory()) return folder;
    } catch {
      // SQLite goes on to the next one too.
    }
  }
  return '.';
}
