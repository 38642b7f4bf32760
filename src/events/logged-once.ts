/**
 * Remembers which warnings each logger of the process has received, to log a warning that recurs at every open once.
 */
import { processGlobal } from '../base/process-global';
import type { Logger } from './logger';

const logged = processGlobal('logged-once', 1, () => new WeakMap<Logger, Set<string>>());

/**
 * True for the first call with this logger and `key`; a silent logger does not suppress the line for another logger.
 */
export function isFirstFor(logger: Logger, key: string): boolean {
  const keys = logged.get(logger);
  if (keys === undefined) {
    logged.set(logger, new Set([key]));
    return true;
  }
  if (keys.has(key)) return false;
  keys.add(key);
  return true;
}
