/** Every database that this thread has open, whichever copy of this package opened it. */
import { processGlobal } from '../base/process-global';
import type { OpenDatabase } from './open-database';

const open = processGlobal<Set<OpenDatabase>>('open-databases', 1, () => new Set());

/** @internal */
export function remember(database: OpenDatabase): void {
  open.add(database);
}

/** @internal */
export function forget(database: OpenDatabase): void {
  open.delete(database);
}

/**
 * Closes every database that this thread has open, through all handles, as for an orderly exit.
 *
 * One that cannot be closed does not keep the others open.
 *
 * @throws the failure of the one database that could not be closed, or an `AggregateError` of several
 */
export function closeAllDatabases(): void {
  const failures: unknown[] = [];
  for (const database of open) {
    try {
      database.closeAll();
    } catch (error) {
      failures.push(error);
    }
  }
  if (failures.length === 1) throw failures[0];
  if (failures.length > 1) throw new AggregateError(failures, `${failures.length} databases could not be closed.`);
}
