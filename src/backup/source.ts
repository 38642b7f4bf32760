/** Describes the database that a backup is taken from. */
import { statSync } from 'node:fs';
import type { FileIdentity } from '../base/file-identity';
import { BackupError } from '../errors/refusals';
import type { ReadAccess } from '../maintenance/messages';
import type { NativeDatabase } from '../native/better-sqlite3';

/** The connection whose database is backed up. */
export interface BackupSource {
  /** The application's connection; only a database without a file is read through it. `null`: there is none. */
  readonly native: NativeDatabase.Database | null;
  /** Canonical path of its main database; `null` for an in-memory or temporary one. */
  readonly file: string | null;
  /** The opened file; `null` for a database without one. */
  readonly identity: FileIdentity | null;
  /** Path of better-sqlite3's addon, if the application had to name it. */
  readonly nativeBinding?: string | undefined;
  /** How long a read waits for a lock, in milliseconds. */
  readonly busyTimeoutMs: number;
  /** The size at which its WAL is copied back, in bytes. Default: that of the option `checkpoint.walBytes`. */
  readonly walBytes?: number | undefined;
  /** How the file is opened. Default `'read-only'`, which leaves alone what the application's connection looks after. */
  readonly access?: ReadAccess | undefined;
}

/** One schema of the source: in a file that the maintenance thread can open too, or only in the caller's connection. */
export type SchemaPlace =
  | { readonly kind: 'file'; readonly file: string; readonly identity: FileIdentity | null }
  | { readonly kind: 'connection'; readonly native: NativeDatabase.Database };

/**
 * Finds the place of a schema: main, or one attached with SQL.
 *
 * @see https://sqlite.org/pragma.html#pragma_database_list
 */
export function locateSchema(source: BackupSource, schema: string): SchemaPlace {
  const { native, file, identity } = source;
  if (schema === 'main' && file !== null) return { kind: 'file', file, identity };
  const rows = (native?.pragma('database_list') ?? []) as { name: string; file: string | null }[];
  const row = rows.find(({ name }) => name.toLowerCase() === schema.toLowerCase());
  if (native === null || row === undefined) {
    throw new BackupError(`There is no attached database \`${schema}\` to back up.`, {
      hint: `Attached are: ${rows.map(({ name }) => name).join(', ')}.`,
      details: { step: 'source', attached: schema },
    });
  }
  if (row.file === null || row.file === '') return { kind: 'connection', native };
  const found = statSync(row.file, { bigint: true, throwIfNoEntry: false });
  return { kind: 'file', file: row.file, identity: found === undefined ? null : { dev: found.dev, ino: found.ino } };
}
