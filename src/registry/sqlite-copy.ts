/** Identifies the copy of SQLite that a connection uses. Two copies in one process do not see each other's locks. */
import { statSync } from 'node:fs';
import { identityKey, type FileIdentity } from '../base/file-identity';
import { processGlobal } from '../base/process-global';
import { addonPath } from '../native/addon';

export interface SqliteCopy {
  /** Equal for two connections exactly if they use the same copy. */
  readonly id: string;
  /** Path of the addon, for messages. */
  readonly library: string;
  /** The addon as a file: the loader maps a file once, even if two paths name it (hard links, symlinks). */
  readonly addon: FileIdentity | null;
}

interface UnnamedAddons {
  readonly ids: WeakMap<object, string>;
  next: number;
}

const unnamed = processGlobal<UnnamedAddons>('unnamed-addons', 1, () => ({ ids: new WeakMap(), next: 1 }));

let usual: SqliteCopy | null = null;

/** Returns the copy that better-sqlite3 uses with this `nativeBinding` option. */
export function sqliteCopyOf(nativeBinding: string | object | null | undefined): SqliteCopy {
  // better-sqlite3 also searches for its own addon only once.
  if (nativeBinding === null || nativeBinding === undefined) return (usual ??= findCopy(nativeBinding));
  return findCopy(nativeBinding);
}

function findCopy(nativeBinding: string | object | null | undefined): SqliteCopy {
  const library = addonPath(nativeBinding);
  if (library !== null) {
    const stats = statSync(library, { bigint: true, throwIfNoEntry: false });
    const addon = stats === undefined ? null : { dev: stats.dev, ino: stats.ino };
    return { id: addon === null ? library : identityKey(addon), library, addon };
  }
  if (typeof nativeBinding === 'object' && nativeBinding !== null) return unnamedCopy(nativeBinding);
  return { id: 'better-sqlite3', library: 'better-sqlite3', addon: null };
}

function unnamedCopy(addon: object): SqliteCopy {
  let id = unnamed.ids.get(addon);
  if (id === undefined) {
    id = `nativeBinding object ${unnamed.next++}`;
    unnamed.ids.set(addon, id);
  }
  return { id, library: id, addon: null };
}
