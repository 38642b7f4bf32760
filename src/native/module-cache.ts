/** Reads the cache of the CommonJS modules that Node has loaded, without loading better-sqlite3. */

interface LoadedModule {
  readonly filename: string | null;
  readonly exports: unknown;
}

export function loadedModules(): readonly (LoadedModule | undefined)[] {
  const cache: unknown = Reflect.get(process.getBuiltinModule('node:module'), '_cache');
  return typeof cache === 'object' && cache !== null ? Object.values(cache) : [];
}

/** The exports of every loaded CommonJS module that are an object. */
export function loadedExports(): readonly object[] {
  return loadedModules()
    .map(module => module?.exports)
    .filter(exports => typeof exports === 'object' && exports !== null);
}
