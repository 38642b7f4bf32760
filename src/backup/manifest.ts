/** The sidecar of a scheduled backup: what it is, so that a restore can be chosen, and checked, without opening it. */
import { open, readFile } from 'node:fs/promises';
import type { BackupResult } from './options';
import { durableRename } from './durable-rename';
import { removeTemporary, reserveTemporary } from './temporary';
import { dirname } from 'node:path';

export interface BackupManifest {
  /** Version of this form. */
  readonly format: 1;
  /** Canonical path of the database that was backed up. */
  readonly source: string;
  /** When the backup began, ISO 8601. */
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
  /** `PRAGMA user_version`, where many applications keep the number of their last migration. */
  readonly userVersion: number;
}

export function manifestOf(source: string, createdMs: number, result: BackupResult): BackupManifest {
  const { bytes, pages, sha256, method, verified, foreignKeyViolations, sqliteVersion, schemaVersion, userVersion } =
    result;
  const created = new Date(createdMs).toISOString();
  const facts = {
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
  return { format: 1, source, created, ...facts };
}

/** Writes a manifest, whole and synced, or not at all. */
export async function writeManifest(path: string, manifest: BackupManifest): Promise<void> {
  const temporary = reserveTemporary(dirname(path));
  try {
    const handle = await open(temporary, 'wx');
    try {
      await handle.writeFile(`${JSON.stringify(manifest, null, 2)}\n`);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await durableRename(temporary, path, null);
  } finally {
    await removeTemporary(temporary);
  }
}

/** Reads a manifest; `null` when there is none, or it is of another form. */
export async function readManifest(path: string): Promise<BackupManifest | null> {
  try {
    const value: unknown = JSON.parse(await readFile(path, 'utf8'));
    if (typeof value !== 'object' || value === null) return null;
    const { format, source } = value as Partial<BackupManifest>;
    return format === 1 && typeof source === 'string' ? (value as BackupManifest) : null;
  } catch (error) {
    if (error instanceof SyntaxError || (error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}
