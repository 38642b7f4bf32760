/** Finds the compiled addon of better-sqlite3: the file that decides which copy of SQLite a connection uses. */
import { readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { exists } from '../base/exists';
import { procFolder } from '../base/proc-folder';
import { betterSqlite3File, fileOf, loadedAddon } from './loaded-modules';

/**
 * Returns the addon that better-sqlite3 loads for this `nativeBinding` option; null if it cannot be determined.
 *
 * Searches in the order of better-sqlite3's own loader (lib/binding.js of 13.2.0).
 */
export function addonPath(nativeBinding: string | object | null | undefined): string | null {
  if (typeof nativeBinding === 'string') return resolve(nativeBinding).replace(/(\.node)?$/, '.node');
  // An addon that the application loaded itself is identified by the module that exports it.
  if (nativeBinding !== null && nativeBinding !== undefined) return fileOf(exports => exports === nativeBinding);
  const main = betterSqlite3File();
  if (main === null) return loadedAddon();
  const root = dirname(dirname(main));
  const places = [
    join(root, 'build', 'Debug', 'better_sqlite3.node'),
    join(root, 'build', 'Release', 'better_sqlite3.node'),
    join(root, 'prebuilds', `${prebuildPlatform()}-${process.arch}.node`),
  ];
  return places.find(place => exists(place)) ?? null;
}

function prebuildPlatform(): string {
  return process.platform === 'linux' && usesMusl() ? 'linuxmusl' : process.platform;
}

/** Detects musl as better-sqlite3 does: by the loader mapped into this process, else by Node's report. */
function usesMusl(): boolean {
  try {
    const maps = readFileSync(`${procFolder}/self/maps`, 'latin1');
    if (/\/ld-musl-[^/\s]*\.so/.test(maps)) return true;
    if (/\/(?:ld-linux[^/\s]*|libc)\.so\.\d/.test(maps)) return false;
  } catch {
    // /proc is missing or unreadable.
  }
  // Without the network interfaces: resolving their names would query a DNS server.
  const report = process.report as typeof process.report & { excludeNetwork: boolean };
  const { excludeNetwork } = report;
  report.excludeNetwork = true;
  try {
    const { header } = report.getReport() as { header: { glibcVersionRuntime?: string } };
    return header.glibcVersionRuntime === undefined;
  } finally {
    report.excludeNetwork = excludeNetwork;
  }
}
