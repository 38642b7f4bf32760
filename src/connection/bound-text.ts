/** Copies the values that a statement was given, as better-sqlite3 binds them. */

/** Values in a row, arrays of them, and objects of named ones; `bind` copies what they hold at that moment. */
export function copyOfValues(values: readonly unknown[]): readonly unknown[] {
  return values.flat().map(value => (isNamedValues(value) ? { ...value } : value));
}

/** A Buffer is a value, and bound as it is. */
function isNamedValues(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Buffer.isBuffer(value);
}
