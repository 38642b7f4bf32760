/** Checks that a text from a shared folder is one flat JSON object with exactly the members that this library writes. Pure. */

/** The predicate of each member. */
export type Shape<Value> = { readonly [Name in keyof Value]-?: (value: unknown) => boolean };

/** Parses the object in `text`; `null` if a member is missing, unknown or of another type. */
export function parseShape<Value>(text: string, shape: Shape<Value>): Value | null {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return null;
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return null;
  const expected = Object.entries<(value: unknown) => boolean>(shape);
  const fits =
    Object.keys(value).length === expected.length &&
    expected.every(([name, accepts]) => Object.hasOwn(value, name) && accepts(Reflect.get(value, name)));
  return fits ? (value as Value) : null;
}

/** A text of at most `length` UTF-16 code units. */
export function isText(length: number): (value: unknown) => boolean {
  return value => typeof value === 'string' && value.length <= length;
}

/** A count: a non-negative integer. */
export function isCount(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

export function isNullOr(accepts: (value: unknown) => boolean): (value: unknown) => boolean {
  return value => value === null || accepts(value);
}
