/** `@InjectDatabase()`: the parameter decorator of a constructor that wants a database. */
import { Inject } from '@nestjs/common';
import { getDatabaseToken } from './tokens.js';

/**
 * Injects the database that `SafeSqliteModule.forRoot` opened under `name` (default `'default'`).
 *
 * @example
 * constructor(@InjectDatabase() private readonly db: Database) {}
 */
export function InjectDatabase(name?: string): ParameterDecorator & PropertyDecorator {
  return Inject(getDatabaseToken(name));
}
