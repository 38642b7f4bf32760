/**
 * Holds state shared by every copy of this package in the process, whichever folder or module system it was loaded
 * from.
 */

/**
 * Gets the process-wide value called `name`, or creates it.
 *
 * Raise `version` when the value changes shape in a way that an older copy of the package in the same process could not
 * read: the copies then use separate values instead of misreading each other.
 *
 * @param holder the owner of the state: test runners give each test file its own `globalThis`, but share one `process`
 */
export function processGlobal<Value>(
  name: string,
  version: number,
  create: () => Value,
  holder: object = globalThis,
): Value {
  const key = Symbol.for(`safe-sqlite.${name}.v${version}`);
  const existing: unknown = Reflect.get(holder, key);
  if (existing !== undefined) return existing as Value;
  const value = create();
  Object.defineProperty(holder, key, { value, enumerable: false, configurable: false, writable: false });
  return value;
}
