/** Reads the version of the SQLite inside better-sqlite3 before any file is opened with it. */
import { NativeDatabase } from './better-sqlite3';

const asked = new Map<string | object | null, string>();

/** For example `'3.54.1'`; read once per addon. */
export function sqliteVersion(nativeBinding: string | object | null): string {
  const known = asked.get(nativeBinding);
  if (known !== undefined) return known;
  const options = nativeBinding === null ? {} : { nativeBinding: nativeBinding as string };
  const database = new NativeDatabase(':memory:', options);
  const version = String(database.prepare('SELECT sqlite_version()').pluck().get());
  database.close();
  asked.set(nativeBinding, version);
  return version;
}
