/** The folder of scheduled backups: names that sort, what is in it, and what leaves it. */
import { readdir, rm } from 'node:fs/promises';
import { join, parse } from 'node:path';
import { syncFolder } from './durable-rename';
import { readManifest, type BackupManifest } from './manifest';

export interface StoredBackup {
  readonly path: string;
  /** When it was begun, in milliseconds since 1970. */
  readonly moment: number;
  /** `null` when it has none: then nothing says whose it is, and it is never removed. */
  readonly manifest: BackupManifest | null;
}

/** Where the backup of `source` that begins at `moment` goes: `<name>-20261121T134501007Z.db`. */
export function backupPath(directory: string, source: string, moment: number): string {
  return join(directory, `${parse(source).name}-${stampOf(moment)}.db`);
}

export function manifestPath(backup: string): string {
  return backup.replace(/\.db$/, '.json');
}

/** The backups of one database in a folder that may hold those of others, from old to new. */
export async function listBackups(directory: string, source: string): Promise<readonly StoredBackup[]> {
  const prefix = `${parse(source).name}-`;
  const stored: StoredBackup[] = [];
  for (const name of (await readdir(directory)).toSorted()) {
    if (!name.startsWith(prefix) || !name.endsWith('.db')) continue;
    const moment = momentOf(name.slice(prefix.length, -'.db'.length));
    if (moment === null) continue;
    const path = join(directory, name);
    const manifest = await readManifest(manifestPath(path));
    // A database of the same name in another folder has backups of the same name here.
    if (manifest === null || manifest.source === source) stored.push({ path, moment, manifest });
  }
  return stored;
}

/** Removes backups with their manifests, the manifest last: what has one is complete. */
export async function removeBackups(directory: string, backups: readonly StoredBackup[]): Promise<void> {
  if (backups.length === 0) return;
  for (const { path } of backups) {
    await rm(path, { force: true });
    await rm(manifestPath(path), { force: true });
  }
  await syncFolder(directory);
}

// Moments in file names: `20261121T134501007Z`, which sort as they happened.

/** UTC, so that no clock change of a time zone makes two names equal or lets them run backwards. */
export function stampOf(epochMs: number): string {
  return new Date(epochMs).toISOString().replace(/[-:.]/g, '');
}

/** The moment of a stamp, in milliseconds since 1970; `null` when it is none. */
export function momentOf(stamp: string): number | null {
  const parts = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)(\d{3})Z$/.exec(stamp);
  if (parts === null) return null;
  const [, year, month, day, hour, minute, second, millisecond] = parts;
  const moment = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}.${millisecond}Z`);
  // Date.parse carries the 31st of a shorter month over into the next one.
  return Number.isNaN(moment) || stampOf(moment) !== stamp ? null : moment;
}
