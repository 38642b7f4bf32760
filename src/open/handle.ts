/** Recognizes what stands behind an open database, whichever copy of this package opened it. */
import type { OpenDatabase } from './shared-connection';

/** Raised when the shape of `OpenDatabase` changes in a way that another copy of the package could not use. */
export const openDatabaseBrand = Symbol.for('safe-sqlite.open-database.v1');

export function isOpenDatabase(value: unknown): value is OpenDatabase {
  return typeof value === 'object' && value !== null && openDatabaseBrand in value;
}
