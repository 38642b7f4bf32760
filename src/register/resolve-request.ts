/** Decides what a program that asks for better-sqlite3 gets, by the request and its parent. Pure. */

export interface Asked {
  /** The specifier in the program, or the URL that it was resolved to. */
  readonly specifier: string;
  /** URL of the requesting file; undefined for the first file of a program. */
  readonly parent: string | undefined;
}

export interface Resolution {
  /**
   * - `ours`: the `Database` of this package
   * - `real`: `subpath` of the one copy of better-sqlite3 that this package uses itself
   * - `untouched`: whatever it resolves to
   */
  readonly give: 'ours' | 'real' | 'untouched';
  /** Below the folder of better-sqlite3; empty for the package itself. */
  readonly subpath: string;
  readonly reason: string;
}

/** `better-sqlite3`, `better-sqlite3/package.json`. */
const byName = /^better-sqlite3(?:\/(.*))?$/;
/** A file of any copy of better-sqlite3, including those of pnpm and Yarn. */
const byPath = /\/node_modules\/better-sqlite3\/([^?#]*)/;
/** A file of any copy of this package, which asks for the native class. */
const ofThisPackage = /\/node_modules\/safe-sqlite\/dist\//;
/**
 * The modules that export the constructor: the main one, those for one platform that bundlers use (`./linux-x64`, in
 * better-sqlite3 13), and `lib/database.js`, which is the constructor in better-sqlite3 12 and older.
 */
const givesDatabase = new RegExp(
  [
    /^(?:lib\/?)?$/,
    /^lib\/(?:index|database)(?:\.js)?$/,
    /^(?:lib\/)?(?:linux|linuxmusl|darwin|win32)-(?:x64|arm64)(?:\.js)?$/,
  ]
    .map(({ source }) => source)
    .join('|'),
);

/** `ownFolder` is the URL of the compiled code of this package, with a slash at its end. */
export function judgeRequest({ specifier, parent = '' }: Asked, ownFolder: string): Resolution {
  // The only test for every other module of the program.
  if (!specifier.includes('better-sqlite3')) return untouched('it is something else');
  const found = byName.exec(specifier) ?? byPath.exec(specifier);
  if (found === null) return untouched('only the name is like it');
  if (parent.startsWith(ownFolder)) return untouched('this package asks for the native class');
  if (byPath.test(parent)) return untouched('better-sqlite3 asks for a file of its own');
  const subpath = found[1] ?? '';
  // Node resolves it to a path without such steps, which is judged again.
  if (mayLeaveFolder(subpath)) return untouched('it leads out of the package, or not plainly into it');
  if (ofThisPackage.test(parent)) {
    return { give: 'real', subpath, reason: 'another copy of this package shares the better-sqlite3 of this one' };
  }
  if (givesDatabase.test(subpath)) return { give: 'ours', subpath, reason: 'it asks for the constructor' };
  return { give: 'real', subpath, reason: 'one copy of better-sqlite3 for the whole process' };
}

function untouched(reason: string): Resolution {
  return { give: 'untouched', subpath: '', reason };
}

/**
 * A step up or aside, a backslash, an encoded character: anything that may name a file outside the folder of the
 * package.
 */
function mayLeaveFolder(subpath: string): boolean {
  if (subpath === '') return false;
  const parts = subpath.replace(/\/$/, '').split('/');
  return /[\\%]/.test(subpath) || parts.some(part => part === '' || part === '.' || part === '..');
}
