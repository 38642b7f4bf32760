/** Reads the folder of scheduled backups: sortable names, which files belong to one database, and their removal. */
import { lstatSync, type Stats } from 'node:fs';
import { readdir, rm } from 'node:fs/promises';
import { basename, join, parse } from 'node:path';
import type { FolderHandle } from '../filesystem/folder-handle';
import type { IdClue } from './database-id';
import { readManifest, readManifestFile, type BackupManifest } from './manifest';

export interface StoredBackup {
  readonly path: string;
  /** When it was started, in milliseconds since 1970. */
  readonly moment: number;
  /** `null` if it has none: then its database is unknown, and it is never removed. */
  readonly manifest: BackupManifest | null;
  /**
   * `'own'`: a complete backup of this database, made by this user. Only this kind counts. `'older'`: of an older
   * version of this library, whose manifest names only the path, which other databases may have; `'unknown'`: without a
   * manifest; `'changed'`: no file, or of another size than its manifest states; `'foreign'`: of another user;
   * `'other'`: of another database of the same name.
   */
  readonly kind: 'own' | 'older' | 'unknown' | 'changed' | 'foreign' | 'other';
  /** The file was changed in some way after its manifest was written: only its hash says whether it counts (unchanged.ts). */
  readonly touched: boolean;
}

/** The criteria for sorting the backups of a folder. */
export interface FolderQuestion {
  /** Canonical path of the database. */
  readonly source: string;
  /** Its id; `null`: it has none yet. */
  readonly id: string | null;
  /** The users whose files count. Default: this user. */
  readonly isOwner?: ((uid: number) => boolean) | undefined;
}

/**
 * Returns the path of the backup of `source` that starts at `moment`: `<name>-20261121T134501007Z.db`; with `id`, which
 * keeps databases of the same name apart, `<name>-20261121T134501007Z-1a2b3c4d.db`.
 */
export function backupPath(directory: string, source: string, moment: number, id: string | null = null): string {
  const suffix = id === null ? '' : `-${id.slice(0, 8)}`;
  return join(directory, `${parse(source).name}-${stampOf(moment)}${suffix}.db`);
}

export function manifestPath(backup: string): string {
  return backup.replace(/\.db$/, '.json');
}

/** Lists the backups in a folder that may belong to a database, or have its name, oldest first. */
export async function listBackups(
  directory: string,
  { source, id, isOwner = isThisUser }: FolderQuestion,
): Promise<readonly StoredBackup[]> {
  const prefix = `${parse(source).name}-`;
  const stored: StoredBackup[] = [];
  for (const name of (await readdir(directory)).toSorted()) {
    const moment = momentOfName(name);
    if (moment === null) continue;
    const path = join(directory, name);
    const { manifest, changedMs } = readManifestFile(manifestPath(path), isOwner);
    const stats = lstatSync(path, { throwIfNoEntry: false });
    const kind = kindOf(manifest, stats, { source, id, isOwner });
    // A database that was renamed keeps its backups; a file without a manifest is recognized by its name alone.
    if (kind === null || (['unknown', 'foreign', 'other'].includes(kind) && !name.startsWith(prefix))) continue;
    stored.push({ path, moment, manifest, kind, touched: (stats?.ctimeMs ?? Infinity) >= changedMs });
  }
  return stored.toSorted((one, other) => one.moment - other.moment);
}

/**
 * The manifests of a database whose backup is not there: it was killed between the two. Not the youngest: theirs may be
 * about to come.
 */
export async function orphanedManifests(directory: string, id: string, now: number): Promise<readonly string[]> {
  const names = new Set(await readdir(directory));
  const orphans: string[] = [];
  for (const name of names) {
    const backup = name.replace(/\.json$/, '.db');
    if (backup === name || momentOfName(backup) === null || names.has(backup)) continue;
    const path = join(directory, name);
    const manifest = readManifest(path, isThisUser);
    const written = lstatSync(path, { throwIfNoEntry: false })?.mtimeMs ?? now;
    if (manifest?.format === 2 && manifest.database === id && now - written > orphanAgeMs) orphans.push(path);
  }
  return orphans;
}

/** A backup takes its name just after its manifest has one. */
const orphanAgeMs = 60_000;

/** Reads the database marks in the manifests of a folder. */
export async function readClues(directory: string): Promise<readonly IdClue[]> {
  const clues: IdClue[] = [];
  for (const name of await readdir(directory)) {
    if (momentOfName(name) === null) continue;
    const manifest = readManifest(manifestPath(join(directory, name)), isThisUser);
    if (manifest?.format === 2) clues.push({ id: manifest.database, mark: manifest.mark });
  }
  return clues;
}

/** Classifies a file with respect to the database; `null`: it is gone. Pure. */
export function kindOf(
  manifest: BackupManifest | null,
  stats: Pick<Stats, 'isFile' | 'uid' | 'size'> | undefined,
  { source, id, isOwner }: FolderQuestion & { readonly isOwner: (uid: number) => boolean },
): StoredBackup['kind'] | null {
  if (stats === undefined) return null;
  if (manifest === null) return isOwner(stats.uid) ? 'unknown' : 'foreign';
  if (manifest.format === 1) return manifest.source === source ? 'older' : 'other';
  if (manifest.database !== id) return 'other';
  if (!isOwner(stats.uid)) return 'foreign';
  return stats.isFile() && stats.size === manifest.bytes ? 'own' : 'changed';
}

function isThisUser(uid: number): boolean {
  const own = process.geteuid?.();
  return own === undefined || uid === own;
}

/**
 * Removes backups with their manifests, the manifest last: a file with a manifest is complete. Collects the files that
 * could not be removed.
 */
export async function removeBackups(
  folder: FolderHandle,
  backups: readonly Pick<StoredBackup, 'path'>[],
): Promise<{ readonly removed: readonly string[]; readonly failures: readonly Error[] }> {
  const removed: string[] = [];
  const failures: Error[] = [];
  for (const { path } of backups) {
    try {
      await rm(folder.at(basename(path)), { force: true });
      await rm(folder.at(basename(manifestPath(path))), { force: true });
      removed.push(path);
    } catch (error) {
      failures.push(folder.named(error as Error));
    }
  }
  if (removed.length > 0) await folder.sync().catch((error: unknown) => failures.push(error as Error));
  return { removed, failures };
}

const nameForm = /-(\d{8}T\d{9}Z)(?:-[0-9a-f]{8})?\.db$/;

/** Returns the time in the name of a backup; `null` for every other name. */
export function momentOfName(name: string): number | null {
  const stamp = nameForm.exec(name)?.[1];
  return stamp === undefined ? null : momentOf(stamp);
}

// Formats and parses times in file names: `20261121T134501007Z`, which sort chronologically.

/** UTC: no change of a time zone makes two names equal or out of order. */
export function stampOf(epochMs: number): string {
  return new Date(epochMs).toISOString().replace(/[-:.]/g, '');
}

/** Returns the time of a stamp, in milliseconds since 1970; `null` if it is not a stamp. */
export function momentOf(stamp: string): number | null {
  const parts = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)(\d{3})Z$/.exec(stamp);
  if (parts === null) return null;
  const [, year, month, day, hour, minute, second, millisecond] = parts;
  const moment = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}.${millisecond}Z`);
  // Date.parse carries the 31st of a shorter month over into the next one.
  return Number.isNaN(moment) || stampOf(moment) !== stamp ? null : moment;
}
