/** What contradicts between the settings of two calls of `openDatabase` for one file. */

export interface SettingDifference {
  /** For example `checkpoint.walBytes`. */
  readonly name: string;
  readonly first: unknown;
  readonly second: unknown;
}

/** Compares plain nested settings value by value; functions, loggers and other class instances by identity. */
export function settingsDifferences(first: object, second: object): readonly SettingDifference[] {
  return differences('', first, second);
}

function differences(prefix: string, first: object, second: object): SettingDifference[] {
  const names = new Set([...Object.keys(first), ...Object.keys(second)]);
  return [...names].flatMap(key => {
    const name = prefix + key;
    const one: unknown = Reflect.get(first, key);
    const other: unknown = Reflect.get(second, key);
    if (isPlain(one) && isPlain(other)) return differences(`${name}.`, one, other);
    return Object.is(one, other) ? [] : [{ name, first: one, second: other }];
  });
}

function isPlain(value: unknown): value is object {
  if (typeof value !== 'object' || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null || Array.isArray(value);
}

/** One difference in words, without printing the inside of loggers and functions. */
export function describeDifference(difference: SettingDifference): string {
  return `\`${difference.name}\` is ${word(difference.first)} there and ${word(difference.second)} here`;
}

function word(value: unknown): string {
  if (typeof value === 'function') return 'a function';
  if (typeof value === 'object' && value !== null) return isPlain(value) ? JSON.stringify(value) : 'an object';
  return typeof value === 'string' ? `'${value}'` : String(value);
}
