/** Finds files by what Node has loaded from them: in a bundle, the only thing that is what it is outside of one. */
import { dirname, relative, sep } from 'node:path';
import { NativeDatabase } from './better-sqlite3';

interface LoadedModule {
  readonly filename: string | null;
  readonly exports: unknown;
}

let mainFile: string | null | undefined;

/**
 * The main file of the better-sqlite3 that this package uses; null when it is part of a bundle.
 *
 * Not `require.resolve`: bundlers rewrite it or copy what it names, and a bundle of ES modules has none.
 */
export function betterSqlite3File(): string | null {
  if (mainFile === undefined) mainFile = fileOf(exports => exports === NativeDatabase) ?? resolvedFromHere();
  return mainFile;
}

/**
 * The file of the addon that better-sqlite3 loads by itself, where it was loaded from a file.
 *
 * better-sqlite3 loads it at the first open, so this opens a database in memory.
 */
export function loadedAddon(): string | null {
  let db: NativeDatabase.Database;
  try {
    db = new NativeDatabase(':memory:');
  } catch {
    // There is none of its own: the application names another with every open.
    return null;
  }
  // better-sqlite3 keeps the object of its addon under a symbol of its own.
  const natives = Object.getOwnPropertySymbols(db).map((symbol): unknown => Reflect.get(db, symbol));
  db.close();
  return fileOf(exports => isAddonOf(exports, natives));
}

function isAddonOf(exports: unknown, natives: readonly unknown[]): boolean {
  if (typeof exports !== 'object' || exports === null) return false;
  const made: unknown = Reflect.get(exports, 'Database');
  return typeof made === 'function' && natives.some(native => native instanceof made);
}

/** The file of the first loaded module whose exports are the ones that are looked for; null when there is none. */
export function fileOf(isWanted: (exports: unknown) => boolean): string | null {
  for (const module of loadedModules()) {
    if (module !== undefined && typeof module.filename === 'string' && isWanted(module.exports)) return module.filename;
  }
  return null;
}

function loadedModules(): readonly (LoadedModule | undefined)[] {
  const cache: unknown = Reflect.get(process.getBuiltinModule('node:module'), '_cache');
  return typeof cache === 'object' && cache !== null ? Object.values(cache) : [];
}

/**
 * Jest keeps what it loads in a registry of its own, but for addons.
 *
 * A bundle that has better-sqlite3 inside may find another one near it, which is another SQLite: in one process, each
 * cancels the locks of the other. So the addon that runs has to lie in the package that was found.
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
