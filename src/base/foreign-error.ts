/**
 * What can be read from an error of any realm. In Jest each test file has its own `Error`, and what Node or the addon
 * throws there is `instanceof` another one.
 */
import { inspect } from 'node:util';

/** `code` of `error`, for example `'ENOENT'` or `'SQLITE_BUSY'`; `null` when it has none. */
export function errorCode(error: unknown): string | null {
  return textOf(error, 'code');
}

/** `message` of `error`; anything that is no error is printed as it is. */
export function errorMessage(error: unknown): string {
  return textOf(error, 'message') ?? printed(error);
}

/** `name` of `error`, `'Error'` where there is none. */
export function errorName(error: unknown): string {
  return textOf(error, 'name') ?? 'Error';
}

/** The text that `property` of `error` holds; `null` when it holds none. */
export function textOf(error: unknown, property: string): string | null {
  const value = memberOf(error, property);
  return typeof value === 'string' ? value : null;
}

/** `property` of `error`, whatever it holds; undefined where reading it throws (a getter, a proxy). */
export function memberOf(error: unknown, property: string): unknown {
  if (typeof error !== 'object' || error === null) return undefined;
  try {
    return Reflect.get(error, property);
  } catch {
    return undefined;
  }
}

/** `thrown` itself where it is an error, else an error that says what was thrown. */
export function asError(thrown: unknown): Error {
  return textOf(thrown, 'message') === null ? new Error(printed(thrown)) : (thrown as Error);
}

function printed(thrown: unknown): string {
  return typeof thrown === 'string' ? thrown : inspect(thrown);
}
