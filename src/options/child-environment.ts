/**
 * Builds the environment of a child process: that of this process, without variables that would load the application's
 * code.
 */

/** Electron runs as Node if the second is set. https://www.electronjs.org/docs/latest/api/environment-variables */
export function childEnvironment(): NodeJS.ProcessEnv {
  const { NODE_OPTIONS: _, ...environment } = process.env;
  return { ...environment, ELECTRON_RUN_AS_NODE: '1' };
}
