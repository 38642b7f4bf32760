/** Finds the object behind a Proxy of it, or behind an object that inherits from it: tracers, mocks and containers make both. */

/**
 * Private fields are on the object itself only. A property with a symbol for its name comes through a Proxy, and is inherited.
 * It can be redefined, because a Proxy must answer for a fixed property with exactly its value.
 */
const key = Symbol('safe-sqlite.original');
const descriptor: PropertyDescriptor = { value: undefined, configurable: true, enumerable: false, writable: false };

/** Lets `originalOf` find `object`. */
export function markOriginal(object: object): void {
  descriptor.value = object;
  Object.defineProperty(object, key, descriptor);
  descriptor.value = undefined;
}

/**
 * The object that `markOriginal` was given, of itself, a Proxy of it, or an object that inherits from it.
 *
 * @throws TypeError for any other value
 */
export function originalOf<Value extends object>(value: Value): Value {
  const original: unknown = Reflect.get(Object(value) as object, key);
  if (original === undefined) throw new TypeError('Illegal invocation');
  return original as Value;
}

type Method = (this: object, ...args: unknown[]) => unknown;

/**
 * Lets every method and getter of `prototype` run on the original, whatever it is called on; one that returns the original
 * returns what it was called on. Methods with a string for their name become enumerable, as better-sqlite3's are:
 * `for (const name in db)` finds them, which is how some tracers and mocks wrap a database.
 */
export function runOnOriginals(prototype: object): void {
  for (const name of Reflect.ownKeys(prototype)) {
    const found = Object.getOwnPropertyDescriptor(prototype, name);
    if (found === undefined || name === 'constructor') continue;
    if (typeof found.value === 'function') {
      const enumerable = typeof name === 'string' || found.enumerable === true;
      Object.defineProperty(prototype, name, { ...found, value: onOriginal(found.value as Method), enumerable });
    } else if (found.get !== undefined) {
      Object.defineProperty(prototype, name, { ...found, get: onOriginal(Reflect.get(found, 'get') as Method) });
    }
  }
}

function onOriginal(method: Method): Method {
  function call(this: object, ...args: unknown[]): unknown {
    const original = originalOf(this);
    const result = Reflect.apply(method, original, args);
    return result === original ? this : result;
  }
  return Object.defineProperties(call, Object.getOwnPropertyDescriptors(method)) as Method;
}
