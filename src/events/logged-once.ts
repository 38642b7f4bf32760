/** Remembers which warnings the log of this process has, to log a warning that recurs at every open once. */
import { processGlobal } from '../base/process-global';
import { SharedSet } from '../base/shared-set';
import { isDefaultLogger, silentLogger } from './default-logger';
import type { Logger } from './logger';

interface OfThisThread {
  readonly byLogger: WeakMap<Logger, Set<string>>;
  /** What this thread was the first to log. */
  readonly first: Set<string>;
}

const own = processGlobal<OfThisThread>('logged-once', 2, () => ({ byLogger: new WeakMap(), first: new Set() }));

// More warnings than a process has pragmas and filesystems; anything beyond is logged by each thread.
const ofAllThreads = new SharedSet('safe-sqlite.logged-once.v1', 1024);

/**
 * True for the first call with this logger and `key`, unless another thread has logged `key`. No thread knows the logger
 * objects of another one: the default logger of all threads counts as one, and so do the loggers of the application. A
 * silent logger does not suppress the line for another logger.
 */
export function isFirstFor(logger: Logger, key: string): boolean {
  const keys = own.byLogger.get(logger) ?? new Set();
  if (keys.has(key)) return false;
  own.byLogger.set(logger, keys.add(key));
  return logger === silentLogger || isFirstThreadFor(`${isDefaultLogger(logger) ? 'default' : 'application'} ${key}`);
}

function isFirstThreadFor(text: string): boolean {
  if (own.first.has(text)) return true;
  if (!ofAllThreads.add(text)) return false;
  own.first.add(text);
  return true;
}
