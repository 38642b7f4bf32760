/** Declares members of better-sqlite3 that its types lack. */
import type { NativeDatabase } from '../native/better-sqlite3';

/** `db.explain(sql)` of better-sqlite3 13. */
export function nativeExplain(native: NativeDatabase.Database, source: string): unknown[] {
  return (native as unknown as { explain(source: string): unknown[] }).explain(source);
}

/** A function with `directOnly` is the only kind that the schema cannot call; tables may have the option too. */
export function isTrusted(options: unknown): boolean {
  return !(typeof options === 'object' && options !== null && Reflect.get(options, 'directOnly') === true);
}
