/** Installs the process guard, which keeps code of this process from harming the databases that it has open. */
import { syncBuiltinESMExports } from 'node:module';
import { processGlobal } from '../base/process-global';
import { guardIsOffInEnvironment } from '../options/guard-variable';
import { judgeCall } from './judge-call';
import { addJudge, createCourt, type Judge } from './judges';
import { isPlain, protectedFile } from './protected-files';
import { copyRefusal } from './refusal';
import { wrapFs } from './wrap-fs';
import { wrapNodeSqlite } from './wrap-node-sqlite';

interface GuardState {
  installs: number;
  /** Kept here, because the wrapped functions hold it weakly. */
  judge: Judge | null;
  remove: (() => void) | null;
  /** True if the guard installed by opens is on. */
  byDefault: boolean;
}

const state = processGlobal<GuardState>('process-guard', 3, () => ({
  installs: 0,
  judge: null,
  remove: null,
  byDefault: false,
}));

/**
 * Makes calls of `fs` (synchronous, callback, promise, streams) that would open, copy or overwrite an open database, or what
 * SQLite locks beside it, fail with `SqliteCopyConflictError` before they do harm, and keeps `node:sqlite` from opening such a
 * file. Every open of a file installs it once for its thread, unless `processGuard: 'off'`: an explicit call covers what is
 * opened with that, and keeps the guard on by its count. Returns how to take it off; the last one restores `fs`.
 *
 * What harms no lock passes: `unlink`, `rm`, `rename` and `link` of the database (the sentinel notices; what this process
 * deletes itself is not rescued), `stat`, `access`, and reading a `-wal` or `-journal`.
 *
 * Symbolic and hard links are followed: for calls that wait (`…Sync`) everywhere, for others in the folders of the open
 * databases: no call waits for a network filesystem because of the guard. Text that `node:sqlite` is given is searched for
 * ATTACH and VACUUM INTO with a literal name.
 *
 * It guards the thread that it is installed in, for `import` and `require`, and in modules that have copied the functions of
 * `fs` (graceful-fs, fs-extra). Functions that CommonJS took out of the module before (`const { readFileSync } =
 * require('fs')`) are not covered; install it first, or use `safe-sqlite/register`.
 *
 * @example
 * const removeGuard = installProcessGuard();
 */
export function installProcessGuard(): () => void {
  if (state.remove === null) {
    state.judge = { isPlain, call: judgeCall, database: judgeDatabase };
    state.remove = addJudge(state.judge, wrap);
  }
  state.installs += 1;
  let installed = true;
  return () => {
    if (!installed) return;
    installed = false;
    state.installs -= 1;
    if (state.installs > 0) return;
    state.remove?.();
    state.remove = null;
    state.judge = null;
  };
}

/**
 * Installs the guard for this thread with the first file that is opened in it. Where that fails, the database opens all the
 * same: the sentinel still notices lost locks.
 */
export function guardByDefault(processGuard: 'on' | 'off'): void {
  if (state.byDefault || processGuard === 'off' || guardIsOffInEnvironment()) return;
  state.byDefault = true;
  try {
    installProcessGuard();
  } catch (error) {
    process.emitWarning(`The process guard of safe-sqlite cannot be installed: ${String(error)}`, {
      code: 'SAFE_SQLITE_NO_PROCESS_GUARD',
      detail: "`fs.readFile` on an open database cancels its locks here. `processGuard: 'off'` silences this.",
    });
  }
}

/** Whether a deletion of an open database by `fs` in this thread is remembered. */
export function deletionsAreNoted(): boolean {
  return state.remove !== null;
}

function judgeDatabase(call: string, path: string): Error | null {
  const found = protectedFile(path, false);
  return found === null ? null : copyRefusal(call, found.file);
}

function wrap(): () => void {
  const court = createCourt();
  const removers = [wrapFs(court), wrapNodeSqlite(court)];
  syncBuiltinESMExports();
  return () => {
    for (const remove of removers) remove();
    syncBuiltinESMExports();
  };
}
