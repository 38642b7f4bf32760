/** `metricsText`: one page of metrics for several databases. */
import { prometheusText } from './prometheus';
import { refuseOption } from '../options/checks';
import type { DatabaseHealth } from './database-health';

/**
 * The health of several databases as one page of Prometheus text; the names are the values of the label `database`.
 *
 * The texts of `db.metrics()` put behind each other are no valid page: each family of metrics may be declared once.
 *
 * @throws InvalidOptionError, and what `health()` of one of them throws: ClosedDatabaseError
 */
export function metricsText(databases: Readonly<Record<string, { health(): DatabaseHealth }>>): string {
  if (typeof databases !== 'object' || databases === null) {
    refuseOption('databases', 'an object of databases by their names', databases);
  }
  return prometheusText(
    Object.entries(databases).map(([name, database]) => {
      if (typeof database?.health !== 'function') refuseOption(`databases.${name}`, 'a database', database);
      return [name, database.health()];
    }),
  );
}
