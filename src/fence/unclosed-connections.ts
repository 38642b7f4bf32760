/** Connections of fenced files that could not be let go: they stay open, and it is tried once more when the process ends. */
import { atExit } from '../base/at-exit';
import { processGlobal } from '../base/process-global';

/** Tries to let a connection go; what was in the way, or `null`. */
type LetGo = () => Error | null;

const pinned = processGlobal<Set<LetGo>>('pinned', 1, () => new Set());

/**
 * Keeps a connection from being collected as garbage, which would close and so checkpoint it.
 *
 * `process.exit()`, an uncaught error and signals leave without closing anything; only the end of the event loop closes
 * what is open (measured), and its `exit` event comes before.
 */
export function keepUntilClosed(letGo: LetGo): void {
  if (pinned.size === 0) atExit(() => pinned.forEach(each => each()));
  pinned.add(letGo);
}
