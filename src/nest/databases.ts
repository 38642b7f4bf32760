/** Keeps the databases of one application by name, each name once. */
import { Injectable } from '@nestjs/common';
import type { Database } from 'safe-sqlite';

@Injectable()
export class Databases {
  readonly #byName = new Map<string, Database>();

  /** @throws Error if the application already has a database of this name */
  add(name: string, database: Database): void {
    if (this.#byName.has(name)) {
      throw new Error(
        `Two SafeSqliteModules of this application are called \`${name}\`. ` +
          "Give each its own `name` and inject it with `@InjectDatabase('name')`; " +
          'call `forRoot` once for a database, in the root module: its database is global.',
      );
    }
    this.#byName.set(name, database);
  }

  /** @throws Error if the application has no database of this name */
  get(name: string): Database {
    const database = this.#byName.get(name);
    if (database === undefined) {
      const known = [...this.#byName.keys()].join(', ');
      throw new Error(`No SafeSqliteModule of this application is called \`${name}\`; there are: ${known || 'none'}.`);
    }
    return database;
  }
}
