/** Copies the bound values of a statement, as better-sqlite3 binds them. */

/** Copies values, arrays of values, and objects of named values; `bind` copies their current content. */
export function copyOfValues(values: readonly unknown[]): readonly unknown[] {
  return values.flat().map(value => (isNamedValues(value) ? { ...value } : value));
}

/** A Buffer is a value and is bound as it is. */
function isNamedValues(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Buffer.isBuffer(value);
}
