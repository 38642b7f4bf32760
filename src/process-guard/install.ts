/** The process guard: keeps code of this process from harming the databases that it has open. */
import { syncBuiltinESMExports } from 'node:module';
import { processGlobal } from '../base/process-global';
import { wrapFs } from './wrap-fs';
import { wrapNodeSqlite } from './wrap-node-sqlite';

interface GuardState {
  installs: number;
  remove: (() => void) | null;
}

const state = processGlobal<GuardState>('process-guard', 1, () => ({ installs: 0, remove: null }));

/**
 * Makes calls of `fs` (synchronous, callback, promise, streams) that would open, copy, replace, move or delete an open
 * database or its `-wal`, `-shm` or `-journal` fail with `SqliteCopyConflictError` before they do harm, and keeps
 * `node:sqlite` from opening such a file. Returns how to take the guard off; several installs count, and the last one
 * that is taken off restores `fs`.
 *
 * Symbolic and hard links are followed: for calls that wait (`…Sync`) everywhere, for others in the folders of the open
 * databases, so that no call is made to wait for a network filesystem. Text that `node:sqlite` is given is searched for
 * ATTACH and VACUUM INTO with a literal name.
 *
 * It guards the thread that it is installed in, for `import` and `require`. Functions that were taken out of the module
 * before (`const { readFileSync } = require('fs')`) are not covered; install it first, or use `safe-sqlite/register`.
 *
 * @example
 * const removeGuard = installProcessGuard();
 */
export function installProcessGuard(): () => void {
  state.installs += 1;
  state.remove ??= wrap();
  let installed = true;
  return () => {
    if (!installed) return;
    installed = false;
    state.installs -= 1;
    if (state.installs > 0) return;
    state.remove?.();
    state.remove = null;
  };
}

function wrap(): () => void {
  const removers = [wrapFs(), wrapNodeSqlite()];
  syncBuiltinESMExports();
  return () => {
    for (const remove of removers) remove();
    syncBuiltinESMExports();
  };
}
