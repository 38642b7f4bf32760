/** Gives a class what better-sqlite3's constructor has: calls without `new`, and own getters. */
import { runOnOriginals } from '../base/original';
import { Statement } from '../connection/statement';
import { NativeSqliteError, type SqliteErrorConstructor } from '../native/sqlite-error';
import type { Options } from '../options/options';
import { Database as DatabaseClass } from './database';

/** Makes the methods of a prototype enumerable, as in better-sqlite3. */
function enumerableMethods(prototype: object): void {
  for (const [name, descriptor] of Object.entries(Object.getOwnPropertyDescriptors(prototype))) {
    if (name === 'constructor' || typeof descriptor.value !== 'function') continue;
    Object.defineProperty(prototype, name, { ...descriptor, enumerable: true });
  }
}

/** Returns the same class, except that a call without `new` constructs; every instance has it as its `constructor`. */
export function callable<Instance extends object, Args extends unknown[]>(
  original: new (...args: Args) => Instance,
): (new (...args: Args) => Instance) & ((...args: Args) => Instance) {
  const proxy = new Proxy(original, {
    apply: (_target, _this, args: Args): Instance => new proxy(...args),
  }) as (new (...args: Args) => Instance) & ((...args: Args) => Instance);
  Object.defineProperty(original.prototype, 'constructor', { value: proxy, writable: true, configurable: true });
  return proxy;
}

// Builds the `Database` constructor for users: callable without `new`, with better-sqlite3's `SqliteError` on it.

export type Database = DatabaseClass;

/** The constructor, which better-sqlite3's programs call with or without `new`. */
export interface DatabaseConstructor {
  /** Opens a connection of its own. */
  new (filename?: string | Buffer, options?: Options): Database;
  /** The same without `new`. */
  (filename?: string | Buffer, options?: Options): Database;
  readonly prototype: Database;
  /** better-sqlite3's error class, the base of every SQLite failure. */
  readonly SqliteError: SqliteErrorConstructor;
}

for (const [name, value] of Object.entries({ Database: DatabaseClass, Statement })) {
  // Minified, they would have another name.
  Object.defineProperty(value, 'name', { value: name, configurable: true });
}
runOnOriginals(DatabaseClass.prototype);
// Statements find their original themselves: they are on the hot path.
enumerableMethods(Statement.prototype);

/** Opens a connection of its own, with or without `new`, as better-sqlite3 does. */
export const Database: DatabaseConstructor = Object.assign(callable(DatabaseClass), { SqliteError: NativeSqliteError });
