/** Checks all arguments of `db.reader` before anything is queued. */
import { atCaller } from '../base/own-frames';
import { isDataView, isProxy } from 'node:util/types';
import { booleanOption, choiceOption, integerOption, millisecondsOption, refuseOption } from '../options/checks';
import { checkOptionNames } from '../options/option-names';
import type { BindArguments, BindValue, RowForm } from './messages';

/** Options of one snapshot. */
export interface SnapshotReadOptions {
  /** Time limit including the wait for a reader, in milliseconds. Default: `readers.timeoutMs` (30 000). */
  timeoutMs?: number | undefined;
  /** Aborts at once, whatever SQLite is doing; the promise rejects with the reason of the signal. */
  signal?: AbortSignal | undefined;
}

/** Options of one query. */
export interface QueryOptions extends SnapshotReadOptions {
  /** Maximum number of rows; a larger result is rejected with `ResultTooLargeError`. Default: no limit. */
  maxRows?: number | undefined;
  /**
   * Maximum size of the result in bytes; a larger one is rejected with `ResultTooLargeError`. Text counts in UTF-8, a
   * number or NULL as 8. Default for `all` and `get` 64 MiB, for `iterate` no limit.
   */
  maxBytes?: number | undefined;
  /** Return integers as bigints. Default: as set by `db.defaultSafeIntegers()`. */
  safeIntegers?: boolean | undefined;
  /** `'objects'` (default), `'arrays'` of the values, or `'first-column'`: the first value of each row. */
  rows?: RowForm | undefined;
}

export interface Limits {
  readonly timeoutMs: number;
  readonly signal: AbortSignal | undefined;
}

export interface CheckedQuery extends Limits {
  readonly sql: string;
  readonly parameters: BindArguments;
  readonly rows: RowForm;
  readonly safeIntegers: boolean;
  readonly maxRows: number | null;
  readonly maxBytes: number | null;
}

export interface QueryDefaults {
  readonly timeoutMs: number;
  readonly safeIntegers: boolean;
  readonly maxBytes: number | null;
}

const limitNames = ['timeoutMs', 'signal'] as const satisfies readonly (keyof SnapshotReadOptions)[];
const queryNames = [
  ...limitNames,
  'maxRows',
  'maxBytes',
  'safeIntegers',
  'rows',
] as const satisfies readonly (keyof QueryOptions)[];

/** Throws `TypeError` and `InvalidOptionError`. */
export function checkQuery(
  sql: unknown,
  parameters: unknown,
  given: QueryOptions | undefined,
  defaults: QueryDefaults,
): CheckedQuery {
  if (typeof sql !== 'string') throw atCaller(new TypeError('Expected first argument to be a string'));
  const options = given === undefined ? {} : given;
  checkOptionNames(options, queryNames, '');
  const { maxRows, maxBytes } = options;
  return {
    sql,
    parameters: checkParameters(parameters),
    ...limitsOf(options, defaults.timeoutMs),
    rows: choiceOption('rows', options.rows, 'objects', ['objects', 'arrays', 'first-column']),
    safeIntegers: booleanOption('safeIntegers', options.safeIntegers, defaults.safeIntegers),
    maxRows: maxRows === undefined ? null : integerOption('maxRows', maxRows, 0, 0, Number.MAX_SAFE_INTEGER),
    maxBytes:
      maxBytes === undefined ? defaults.maxBytes : integerOption('maxBytes', maxBytes, 0, 0, Number.MAX_SAFE_INTEGER),
  };
}

/** Throws `TypeError` and `InvalidOptionError`. */
export function checkSnapshot(fn: unknown, given: SnapshotReadOptions | undefined, defaultTimeoutMs: number): Limits {
  if (typeof fn !== 'function') throw atCaller(new TypeError('Expected first argument to be a function'));
  const options = given === undefined ? {} : given;
  checkOptionNames(options, limitNames, '');
  return limitsOf(options, defaultTimeoutMs);
}

function limitsOf({ timeoutMs, signal }: SnapshotReadOptions, defaultTimeoutMs: number): Limits {
  if (signal !== undefined && !(signal instanceof AbortSignal)) refuseOption('signal', 'an AbortSignal', signal);
  return { timeoutMs: millisecondsOption('timeoutMs', timeoutMs, defaultTimeoutMs, 1), signal };
}

/** An array of values, which may contain one object of named ones, or that object alone, as in better-sqlite3. */
function checkParameters(given: unknown): BindArguments {
  if (given === undefined) return [];
  if (Array.isArray(given)) {
    for (const each of given as readonly unknown[]) {
      if (Array.isArray(each)) for (const value of each as readonly unknown[]) checkValue(value);
      else if (isPlainObject(each)) for (const value of Object.values(each)) checkValue(value);
      else checkValue(each);
    }
    return given as BindArguments;
  }
  if (!isPlainObject(given))
    throw atCaller(new TypeError('Expected second argument to be an array or an object of parameters'));
  for (const value of Object.values(given)) checkValue(value);
  return [given as Readonly<Record<string, BindValue>>];
}

/** Throws with better-sqlite3's own message. */
function checkValue(value: unknown): void {
  const type = typeof value;
  if (value === null || type === 'undefined' || type === 'number' || type === 'string' || type === 'bigint') return;
  // better-sqlite3 aborts the process for a DataView that follows another error of the parameters.
  if (ArrayBuffer.isView(value) && !isDataView(value)) return;
  throw atCaller(new TypeError('SQLite3 can only bind numbers, strings, bigints, buffers, and null'));
}

function isPlainObject(value: unknown): value is object {
  if (typeof value !== 'object' || value === null || isProxy(value) || ArrayBuffer.isView(value)) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  // A test runner's realm has an Object of its own.
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}
