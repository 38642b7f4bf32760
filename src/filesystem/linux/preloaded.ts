/** Finds a library in this process that replaces fsync(2) with nothing, as installers and test farms preload it. */
import { readFileSync } from 'node:fs';

let found: string | null | undefined;

/** Its path; `null` where there is none, or `/proc` does not tell. Libraries are preloaded before Node starts: asked once. */
export function syncsSwitchedOff(): string | null {
  if (found === undefined) found = libraryIn(mapsOfSelf());
  return found;
}

/** Pure: libeatmydata, libnosync, libnofsync and their versions in the text of `/proc/self/maps`. */
export function libraryIn(maps: string): string | null {
  return /(\/\S*\/lib(?:eatmydata|no_?f?sync|eat_?fsync)[^/\s]*\.so[^/\s]*)/.exec(maps)?.[1] ?? null;
}

function mapsOfSelf(): string {
  try {
    return readFileSync('/proc/self/maps', 'latin1');
  } catch {
    return '';
  }
}
