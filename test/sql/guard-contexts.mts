/** Connections for which the guard judges SQL, in the tests. */
import type { GuardContext } from '../../dist/sql/guard.js';

export const inWal: GuardContext = {
  storage: 'file',
  walAllowed: true,
  synchronous: 'full',
  platform: 'darwin',
  allowUnsyncedCommits: false,
  weakerPragmas: 'throw',
};
export const inRollback: GuardContext = { ...inWal, walAllowed: false, synchronous: 'extra' };
