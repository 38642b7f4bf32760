/** Reads the environment variable that keeps the opens of a process from installing the process guard. */

/** True with `SAFE_SQLITE_PROCESS_GUARD=off`. Read at each open: a test may set it after this file is loaded. */
export function guardIsOffInEnvironment(): boolean {
  return process.env['SAFE_SQLITE_PROCESS_GUARD'] === 'off';
}
