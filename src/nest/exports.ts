/** Exports the surface of `safe-sqlite/nest`. */

export { SafeSqliteHealthIndicator, type DatabaseIndication } from './health-indicator.js';
export { InjectDatabase } from './inject-database.js';
export type { SafeSqliteModuleExtras, SafeSqliteModuleOptions } from './module-definition.js';
export { SafeSqliteModule } from './safe-sqlite.module.js';
export { getDatabaseToken } from './tokens.js';
