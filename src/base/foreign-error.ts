/**
 * Reads properties of errors from any realm. In Jest each test file has its own `Error`, and errors thrown by Node or
 * the addon are instances of another one.
 */
import { inspect } from 'node:util';

/** Returns `error.code`, for example `'ENOENT'` or `'SQLITE_BUSY'`; `null` if it has none. */
export function errorCode(error: unknown): string | null {
  return textOf(error, 'code');
}

/** Returns `error.message`; a value that is not an error is printed. */
export function errorMessage(error: unknown): string {
  return textOf(error, 'message') ?? printed(error);
}

/** Returns `error.name`, or `'Error'` if it has none. */
export function errorName(error: unknown): string {
  return textOf(error, 'name') ?? 'Error';
}

/** Returns `property` of `error` if it is a string, else `null`. */
export function textOf(error: unknown, property: string): string | null {
  const value = memberOf(error, property);
  return typeof value === 'string' ? value : null;
}

/** Returns `property` of `error`; undefined if reading it throws (a getter, a proxy). */
export function memberOf(error: unknown, property: string): unknown {
  if (typeof error !== 'object' || error === null) return undefined;
  try {
    return Reflect.get(error, property);
  } catch {
    return undefined;
  }
}

/** Returns `thrown` if it is an error, else a new error that prints it. */
export function asError(thrown: unknown): Error {
  return textOf(thrown, 'message') === null ? new Error(printed(thrown)) : (thrown as Error);
}

function printed(thrown: unknown): string {
  return typeof thrown === 'string' ? thrown : inspect(thrown);
}
