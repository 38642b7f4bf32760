/** Finds contradictions between the settings of two `openDatabase` calls for one file. */

export interface SettingDifference {
  /** For example `checkpoint.walBytes`. */
  readonly name: string;
  readonly first: unknown;
  readonly second: unknown;
}

/**
 * Returns where `asked` contradicts `settings`; only properties present in `asked` are compared.
 *
 * Plain nested settings are compared value by value; functions, loggers and other class instances by identity.
 */
export function contradictions(settings: object, asked: object): readonly SettingDifference[] {
  return compare('', settings, asked);
}

function compare(prefix: string, settings: object, asked: object): SettingDifference[] {
  return Object.keys(asked).flatMap(key => {
    const name = prefix + key;
    const first: unknown = Reflect.get(settings, key);
    const second: unknown = Reflect.get(asked, key);
    if (isPlain(first) && isPlain(second)) return compare(`${name}.`, first, second);
    return Object.is(first, second) ? [] : [{ name, first, second }];
  });
}

function isPlain(value: unknown): value is object {
  if (typeof value !== 'object' || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null || Array.isArray(value);
}

/** Describes one difference in words, without printing the contents of loggers and functions. */
export function describeDifference(difference: SettingDifference): string {
  return `\`${difference.name}\` is ${word(difference.first)} there and ${word(difference.second)} here`;
}

function word(value: unknown): string {
  if (typeof value === 'function') return 'a function';
  if (typeof value === 'object' && value !== null) return isPlain(value) ? JSON.stringify(value) : 'an object';
  return typeof value === 'string' ? `'${value}'` : String(value);
}
