/** Reads the environment variable that disables the process guard for a process. */

/** True with `SAFE_SQLITE_PROCESS_GUARD=off`. Read at each open: a test may set it after this file is loaded. */
export function guardIsOffInEnvironment(): boolean {
  return process.env['SAFE_SQLITE_PROCESS_GUARD'] === 'off';
}
