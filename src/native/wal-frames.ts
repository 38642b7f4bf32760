/** Asks SQLite for the number of frames in the WAL of a database without copying any. */
import { quotedName } from '../base/sql-name';
import type { NativeDatabase } from './better-sqlite3';

export interface WalFrames {
  /** Frames since the last WAL reset; 0 for a database that is not in WAL mode. */
  readonly frames: number;
  /** Frames that are already copied into the database. */
  readonly copied: number;
}

/** SQLite supports `wal_checkpoint(NOOP)` since 3.51; older versions treat an unknown word as PASSIVE. */
const noopSince = { major: 3, minor: 51 };

/** Prepares the query, which takes 1 µs and no lock; `null` if SQLite is too old for it. */
export function prepareWalFrames(db: NativeDatabase.Database, schema: string): (() => WalFrames) | null {
  const version = String(db.prepare('SELECT sqlite_version()').pluck().get());
  const [major = 0, minor = 0] = version.split('.').map(Number);
  if (major < noopSince.major || (major === noopSince.major && minor < noopSince.minor)) return null;
  const statement = db.prepare(`PRAGMA ${quotedName(schema)}.wal_checkpoint(NOOP)`).raw();
  statement.safeIntegers(false);
  return () => {
    const [, frames, copied] = statement.get() as [number, number, number];
    // -1: the database is not in WAL mode.
    return { frames: Math.max(0, frames), copied: Math.max(0, copied) };
  };
}
