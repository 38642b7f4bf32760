/** What better-sqlite3 can do and its types do not say. */
import type { NativeDatabase } from '../native/better-sqlite3';

/** `db.explain(sql)` of better-sqlite3 13. */
export function nativeExplain(native: NativeDatabase.Database, source: string): unknown[] {
  return (native as unknown as { explain(source: string): unknown[] }).explain(source);
}

/** Only what is `directOnly` cannot be called by the schema; tables may have the option too. */
export function isTrusted(options: unknown): boolean {
  return !(typeof options === 'object' && options !== null && Reflect.get(options, 'directOnly') === true);
}
