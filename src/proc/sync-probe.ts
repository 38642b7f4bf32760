/** Finds out whether a sync does anything in this process: a preloaded library or a seccomp filter can take it away. */
import { closeSync, fdatasyncSync, fsyncSync, openSync, readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { parseMaps } from './loaded-copies';

export interface MissingSync {
  /** The preloaded library that takes it away; `null` where none was found, as with a seccomp filter. */
  readonly library: string | null;
}

let found: MissingSync | null | undefined;

/**
 * `null` where a sync reaches the kernel, or where nothing can be said. Asked once for each thread.
 *
 * The kernel refuses to sync a file of /proc or /dev/null with EINVAL (fsync(2)), as gVisor does. Success therefore never
 * comes from the kernel: libeatmydata and its like answer it for every descriptor that is open, and a seccomp filter
 * (`systemd-nspawn --suppress-sync`) does for every call.
 */
export function missingSync(): MissingSync | null {
  if (found === undefined) found = process.platform === 'linux' && syncsNothing() ? { library: libraryOf() } : null;
  return found;
}

/** Two kinds of file and both calls: a library may leave devices alone, and either call may be the one of SQLite. */
function syncsNothing(): boolean {
  return ['/proc/self/status', '/dev/null'].some(path => [fsyncSync, fdatasyncSync].some(sync => succeeds(path, sync)));
}

function succeeds(path: string, sync: (descriptor: number) => void): boolean {
  let descriptor: number | undefined;
  try {
    descriptor = openSync(path, 'r');
    sync(descriptor);
    return true;
  } catch {
    return false;
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
  }
}

/** Named so, by habit of the field; the others are known by the list of the preloaded ones. */
const telling = /eat-?my-?data|fun-?sync|no-?f?sync/i;

/** The mapped library that is the likeliest: one with a telling name, or one that was preloaded and has an fsync. */
function libraryOf(): string | null {
  const mapped = textOf('/proc/self/maps') ?? '';
  const paths = parseMaps(mapped).map(({ path }) => path);
  const preloaded = new Set(
    [preloadVariable(), textOf('/etc/ld.so.preload') ?? ''].flatMap(list =>
      list.split(/[\s:]+/).map(path => withoutVersion(basename(path))),
    ),
  );
  return (
    paths.find(path => telling.test(basename(path))) ??
    paths.find(path => preloaded.has(withoutVersion(basename(path))) && textOf(path)?.includes('\0fsync\0')) ??
    null
  );
}

/** As the process was started with it: a program may have changed its environment since. */
function preloadVariable(): string {
  const variables = (textOf('/proc/self/environ') ?? '').split('\0');
  return variables.find(each => each.startsWith('LD_PRELOAD='))?.slice('LD_PRELOAD='.length) ?? '';
}

/** `libeatmydata.so` is a link to `libeatmydata.so.1.3.0`, and the map has the second. */
function withoutVersion(name: string): string {
  return name.replace(/(\.so)[.\d]*$/, '$1');
}

function textOf(path: string): string | null {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return null;
  }
}
