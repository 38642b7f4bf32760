/** Holds state that every copy of this package in the process shares, whichever folder or module system it came from. */

/**
 * Gets the process-wide value called `name`, or creates it.
 *
 * Raise `version` when the shape of the value changes in a way that an older copy of the package in the same
 * process could not read: the two then keep apart instead of misreading each other.
 *
 * @param holder what the state belongs to: test runners give each test file a `globalThis` of its own, beside one
 *   `process` for all
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
