/** Where the compiled part of better-sqlite3 lies: the file that decides which copy of SQLite a connection belongs to. */
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';

/**
 * The addon that better-sqlite3 loads for this `nativeBinding` option; null when it cannot be found out (bundled code).
 *
 * The order of the places is that of better-sqlite3's own loader (lib/binding.js of 13.2.0).
 */
export function addonPath(nativeBinding: string | object | null | undefined): string | null {
  if (typeof nativeBinding === 'string') return resolve(nativeBinding).replace(/(\.node)?$/, '.node');
  if (nativeBinding !== null && nativeBinding !== undefined) return loadedAs(nativeBinding);
  const root = packageRoot();
  if (root === null) return null;
  const places = [
    join(root, 'build', 'Debug', 'better_sqlite3.node'),
    join(root, 'build', 'Release', 'better_sqlite3.node'),
    join(root, 'prebuilds', `${prebuildPlatform()}-${process.arch}.node`),
  ];
  return places.find(place => existsSync(place)) ?? null;
}

function packageRoot(): string | null {
  try {
    return dirname(require.resolve('better-sqlite3/package.json'));
  } catch {
    return null;
  }
}

function prebuildPlatform(): string {
  return process.platform === 'linux' && usesMusl() ? 'linuxmusl' : process.platform;
}

function usesMusl(): boolean {
  try {
    return /\/ld-musl-[^/\s]*\.so/.test(readFileSync('/proc/self/maps', 'latin1'));
  } catch {
    return false;
  }
}

/** An addon object that the application loaded itself is known by the module that exports it. */
function loadedAs(addon: object): string | null {
  for (const module of Object.values(require.cache)) {
    if (module?.exports === addon) return module.filename;
  }
  return null;
}
