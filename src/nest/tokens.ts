/** Defines the token under which Nest provides each database. */

/** The default name of a module's database. */
export const defaultDatabaseName = 'default';

/**
 * The token of the database called `name`: for `overrideProvider(getDatabaseToken())` in tests, for example.
 *
 * A registered symbol, so that the CommonJS and the ESM build of this entry know the same token.
 */
export function getDatabaseToken(name: string = defaultDatabaseName): symbol {
  return Symbol.for(`safe-sqlite.nest.database.${name}`);
}
