/** What is loaded when it is first asked for: most programs open a database long before they make a copy of it. */
import type * as Backups from '../backup/database-backups';

/** `require`, not `import()`: that fails in Jest, and a schedule starts in the turn in which a database is opened. */
export function loadBackups(): typeof Backups {
  return require('../backup/database-backups') as typeof Backups;
}
