/** Implements `openDatabase`: every call for one file in this process gets a handle on one connection. */
import { findInstance, shareInstance } from '../registry/shared-instances';
import type { Options } from '../options/options';
import { resolveOptions } from '../options/resolve';
import { keyOf } from '../open/admit';
import { Database } from './database';
import { isSharedConnection, type SharedConnection } from '../open/shared-connection';
import { locateFile } from '../open/plan';
import { openResolved } from '../open/open';

/**
 * Opens the one shared instance of `filename` in this process, or returns another handle on it.
 *
 * The file counts, not the path that names it. The connection closes with its last handle. An in-memory database, a
 * temporary one and a Buffer are not shared: each call opens a new one.
 *
 * @throws InstanceConflictError if the file is already open with settings that contradict `options`; and everything
 *   that `new Database()` throws
 *
 * @example const shared = openDatabase('app.db'); shared.exec('CREATE TABLE IF NOT EXISTS t (a)');
 */
export function openDatabase(filename: string | Buffer, options?: Options): Database {
  const resolved = resolveOptions(filename, options);
  if (resolved.source.kind !== 'file') return handle(openResolved(resolved));
  const location = locateFile(resolved.source.filename, resolved);
  const asked = explicitly(resolved, options ?? {});
  const existing = findInstance(keyOf(location), location.file, asked, isShareable);
  if (existing !== null) return handle(existing);
  const opened = openResolved(resolved);
  shareInstance(opened.key, location.file, resolved, opened);
  return handle(opened);
}

function isShareable(value: unknown): value is SharedConnection {
  return isSharedConnection(value) && value.isShareable;
}

function handle(opened: SharedConnection): Database {
  return new Database(opened as unknown as string);
}

/** Returns the resolved values of the caller's explicit options; unset ones cannot contradict the first call. */
function explicitly(resolved: object, given: object): object {
  const asked: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(given)) {
    if (value === undefined) continue;
    const settled: unknown = Reflect.get(resolved, name);
    asked[name] = isNested(name, value) && isNested(name, settled) ? explicitly(settled, value) : settled;
  }
  return asked;
}

/** The options that are objects of options themselves. */
const nested = new Set(['checkpoint', 'sentinel', 'writes', 'readers', 'backup', 'keep', 'dangerously']);

function isNested(name: string, value: unknown): value is object {
  return nested.has(name) && typeof value === 'object' && value !== null;
}
