/** Keeps connections of fenced files that could not be closed open, and retries when the process ends. */
import { atExit } from '../base/at-exit';
import { processGlobal } from '../base/process-global';

/** Tries to close a connection; returns the obstacle, or `null`. */
type LetGo = () => Error | null;

const pinned = processGlobal<Set<LetGo>>('pinned', 1, () => new Set());

/**
 * Keeps a connection from being garbage-collected, which would close and thereby checkpoint it.
 *
 * `process.exit()`, an uncaught error and signals leave without closing anything; only the end of the event loop closes
 * open connections (measured), and its `exit` event comes before.
 */
export function keepUntilClosed(letGo: LetGo): void {
  if (pinned.size === 0) atExit(() => pinned.forEach(each => each()));
  pinned.add(letGo);
}
