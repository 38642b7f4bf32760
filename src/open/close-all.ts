/** Closes every database that this thread has open, for all copies of this package; also at exit. */
import { visible } from '../base/terminal-text';
import { atExit } from '../base/at-exit';
import { processGlobal } from '../base/process-global';
import type { SharedConnection } from './shared-connection';

interface AllOpen {
  readonly databases: Set<SharedConnection>;
  closesAtExit: boolean;
}

const all = processGlobal<AllOpen>('open-databases', 1, () => ({ databases: new Set(), closesAtExit: false }));

/** @internal */
export function rememberOpen(database: SharedConnection): void {
  all.databases.add(database);
  if (all.closesAtExit) return;
  all.closesAtExit = true;
  atExit(closeAtExit);
}

/** @internal */
export function forgetOpen(database: SharedConnection): void {
  all.databases.delete(database);
}

/**
 * Closes every database that this thread has open, through all handles, for an orderly exit.
 *
 * A failure to close one does not keep the others open.
 *
 * @throws the failure of the one database that could not be closed, or an `AggregateError` of several
 *
 * @example process.once('SIGTERM', () => closeAllDatabases());
 */
export function closeAllDatabases(): void {
  const failures: unknown[] = [];
  const present = [...all.databases];
  for (const database of present) {
    try {
      database.closeAll();
    } catch (error) {
      failures.push(error);
    }
  }
  if (failures.length === 1) throw failures[0];
  if (failures.length > 1) throw new AggregateError(failures, `${failures.length} databases could not be closed.`);
}

/**
 * better-sqlite3 closes open connections when its thread ends, and SQLite then checkpoints without reporting the
 * result. Closing just before leaves nothing to it; `process.exit()` also runs this.
 */
function closeAtExit(): void {
  // A snapshot: a listener that reopens a closed database would keep the process from exiting.
  const present = [...all.databases];
  for (const database of present) {
    try {
      for (const iterator of database.connection.openIterators()) iterator.return();
      database.closeAll();
    } catch (error) {
      const { file, options } = database.connection;
      options.logger.error(
        { err: error, file },
        `${visible(file)} could not be closed at exit; the next open recovers it.`,
      );
    }
  }
}
