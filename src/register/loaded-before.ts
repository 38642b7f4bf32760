/**
 * Detects a better-sqlite3 that was loaded before it could be redirected: that part of the program is not protected.
 */
import { join } from 'node:path';

const mainModule = /[/\\]node_modules[/\\]better-sqlite3[/\\]lib[/\\]database\.js$/;
const ownImport = join(__dirname, '..', 'native', 'better-sqlite3.js');

/** Returns the copies of better-sqlite3 that this thread has loaded other than through this package. */
export function loadedBefore(): readonly string[] {
  const own = require.cache[ownImport] === undefined ? null : ownCopy();
  return Object.keys(require.cache).filter(path => mainModule.test(path) && path !== own);
}

function ownCopy(): string {
  return join(require.resolve('better-sqlite3'), '..', 'database.js');
}
