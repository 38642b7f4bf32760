/** Defines `@InjectDatabase()`, the parameter decorator that injects a database into a constructor. */
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
