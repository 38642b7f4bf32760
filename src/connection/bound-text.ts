/** Finds in the values that a statement was given the text of one parameter, as better-sqlite3 binds it. */

/** Values in a row, arrays of them, and objects of named ones; `bind` copies what they hold at that moment. */
export function copyOfValues(values: readonly unknown[]): readonly unknown[] {
  return values.flat().map(value => (isObject(value) ? { ...value } : value));
}

/** The text that `parameter` (`?`, `:name`, `@name`, `$name`, `?1`) of a statement with no other one gets; `null` for none. */
export function boundText(parameter: string, values: readonly unknown[]): string | null {
  const name = parameter.slice(1);
  for (const value of values.flat()) {
    const bound: unknown = isObject(value) ? value[name] : value;
    if (typeof bound === 'string') return bound;
  }
  return null;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}
