/** Walks to a file on Linux by the current mount table, up to a mount that must not be touched. */
import { mustNotTouch } from '../classify';
import { readMountTable, readSandboxMarkers } from './linux-tables';
import type { MountTable } from './mount-table';
import { resolvePath, type ResolvedPath } from '../resolve-path';

export interface Walk extends ResolvedPath {
  /** The table used for the walk. */
  readonly table: MountTable;
}

/**
 * @param touchShared - continue even if the mount table already says that the file will be refused: a dead server then
 *   hangs the process
 */
export function walkTo(path: string, touchShared: boolean): Walk {
  const sandbox = readSandboxMarkers();
  const table = readMountTable();
  const resolved = resolvePath(path, process.cwd(), table, mount => !touchShared && mustNotTouch(mount, sandbox));
  return { ...resolved, table };
}
