/** The environment of a process of our own: that of this one, without what would load the application's code into it. */

/** Electron runs as Node where the second is set. https://www.electronjs.org/docs/latest/api/environment-variables */
export function childEnvironment(): NodeJS.ProcessEnv {
  const { NODE_OPTIONS: _, ...environment } = process.env;
  return { ...environment, ELECTRON_RUN_AS_NODE: '1' };
}
