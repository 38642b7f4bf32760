/**
 * Finds files by the modules that Node has loaded from them: the only method that works in a bundle as well as outside
 * one.
 */
import { dirname, relative, sep } from 'node:path';
import { NativeDatabase } from './better-sqlite3';
import { loadedModules } from './module-cache';

let mainFile: string | null | undefined;

/**
 * Returns the main file of the better-sqlite3 that this package uses; null if it is part of a bundle.
 *
 * Not `require.resolve`: bundlers rewrite it or copy its target, and a bundle of ES modules has none.
 */
export function betterSqlite3File(): string | null {
  if (mainFile === undefined) mainFile = fileOf(exports => exports === NativeDatabase) ?? resolvedFromHere();
  return mainFile;
}

/**
 * Returns the file of the addon that better-sqlite3 loads by default, if it was loaded from a file.
 *
 * better-sqlite3 loads it on the first open, so this opens an in-memory database.
 */
export function loadedAddon(): string | null {
  let db: NativeDatabase.Database;
  try {
    db = new NativeDatabase(':memory:');
  } catch {
    // better-sqlite3 finds no default addon: the application passes one with every open.
    return null;
  }
  // better-sqlite3 keeps its addon object under a private symbol.
  const natives = Object.getOwnPropertySymbols(db).map((symbol): unknown => Reflect.get(db, symbol));
  db.close();
  return fileOf(exports => isAddonOf(exports, natives));
}

function isAddonOf(exports: unknown, natives: readonly unknown[]): boolean {
  if (typeof exports !== 'object' || exports === null) return false;
  const made: unknown = Reflect.get(exports, 'Database');
  return typeof made === 'function' && natives.some(native => native instanceof made);
}

/** Returns the file of the first loaded module whose exports match; null if there is none. */
export function fileOf(isWanted: (exports: unknown) => boolean): string | null {
  for (const module of loadedModules()) {
    if (module !== undefined && typeof module.filename === 'string' && isWanted(module.exports)) return module.filename;
  }
  return null;
}

/**
 * Resolves better-sqlite3 from this file: Jest keeps loaded modules in its own registry, except addons.
 *
 * A bundle that contains better-sqlite3 may find another one nearby, which is another copy of SQLite: in one process,
 * each cancels the locks of the other. The running addon therefore has to lie in the package that was found.
 */
function resolvedFromHere(): string | null {
  if (typeof __filename !== 'string') return null;
  let main: string;
  try {
    main = process.getBuiltinModule('node:module').createRequire(__filename).resolve('better-sqlite3');
  } catch {
    return null;
  }
  const addon = loadedAddon();
  return addon !== null && isInside(addon, dirname(dirname(main))) ? main : null;
}

function isInside(file: string, folder: string): boolean {
  const path = relative(folder, file);
  return path !== '' && path.split(sep)[0] !== '..';
}
