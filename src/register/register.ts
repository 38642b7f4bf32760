/**
 * Implements `node --import safe-sqlite/register app.js`: programs that ask for better-sqlite3 get `Database`, and the
 * process guard is on.
 */
import { setImmediate } from '../base/clock';
import { processGlobal } from '../base/process-global';
import { installProcessGuard } from '../process-guard/install';
import { coverWorkers } from './cover-workers';
import { loadedBefore } from './loaded-before';
import { redirect } from './redirect';

// Once per thread, whichever copies of this package are registered: two would redirect each other.
processGlobal('register', 1, () => {
  redirect();
  coverWorkers(__filename);
  warnOfLoaded();
  // Imports of an ES module are resolved before any of them runs: those resolved then are loaded now.
  setImmediate(warnOfLoaded).unref();
  return installProcessGuard();
});

function warnOfLoaded(): void {
  const [copy] = loadedBefore();
  if (copy === undefined) return;
  process.emitWarning(
    `better-sqlite3 was loaded before safe-sqlite/register (${copy}), and its users are not protected. ` +
      'Start the program with `node --import safe-sqlite/register`.',
    { code: 'SAFE_SQLITE_REGISTERED_LATE' },
  );
}
