/** Asks SQLite how many frames the WAL of a database has, and copies nothing. */
import { quotedName } from '../base/sql-name';
import type { NativeDatabase } from './better-sqlite3';

export interface WalFrames {
  /** Frames since the WAL started over; 0 for a database that is not in WAL mode. */
  readonly frames: number;
  /** Those of them that are in the database already. */
  readonly copied: number;
}

/** SQLite has `wal_checkpoint(NOOP)` since 3.51, and takes an unknown word for PASSIVE. */
const noopSince = { major: 3, minor: 51 };

/** A question of 1 µs that takes no lock; `null` where SQLite is too old for it. */
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
