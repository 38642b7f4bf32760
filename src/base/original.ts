/**
 * Finds the object behind a Proxy or behind an object that inherits from it; tracers, mocks and containers create both.
 */
import { atCaller } from './own-frames';

/**
 * Private fields exist on the object itself only. A symbol property is visible through a Proxy and is inherited. It is
 * configurable because a Proxy must return exactly the value of a non-configurable property.
 */
const key = Symbol('safe-sqlite.original');
const descriptor: PropertyDescriptor = { value: undefined, configurable: true, enumerable: false, writable: false };

/** Makes `object` findable by `originalOf`. */
export function markOriginal(object: object): void {
  descriptor.value = object;
  Object.defineProperty(object, key, descriptor);
  descriptor.value = undefined;
}

/**
 * Returns the marked object, given the object itself, a Proxy of it, or an object that inherits from it.
 *
 * @throws TypeError for any other value
 */
export function originalOf<Value extends object>(value: Value): Value {
  const original: unknown = Reflect.get(Object(value) as object, key);
  if (original === undefined) throw atCaller(new TypeError('Illegal invocation'));
  return original as Value;
}

type Method = (this: object, ...args: unknown[]) => unknown;

/**
 * Makes every method and getter of `prototype` run on the original, whatever receiver it is called on; a method that
 * returns the original returns its receiver instead. Methods with string names become enumerable, as in better-sqlite3:
 * some tracers and mocks wrap a database with `for (const name in db)`.
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
