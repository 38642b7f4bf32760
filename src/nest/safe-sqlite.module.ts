/** `SafeSqliteModule`: opens a database with the application, and closes it with the application. */
import { Inject, Module, type OnApplicationShutdown } from '@nestjs/common';
import type { Database } from 'safe-sqlite';
import { Databases } from './databases.js';
import { ConfigurableModuleClass, ownDatabase, ownName } from './module-definition.js';
import { SharedModule } from './shared.module.js';

/**
 * Opens one database and provides it for `@InjectDatabase()`. Import it once for each database, each with its `name`.
 *
 * The database closes in `onApplicationShutdown`, when no request is served any more: the writes that are queued are
 * committed, the last checkpoint is made. For signals Nest needs `app.enableShutdownHooks()`.
 *
 * @example
 * @Module({ imports: [SafeSqliteModule.forRoot({ filename: 'data/app.db' })] })
 * class AppModule {}
 */
@Module({ imports: [SharedModule] })
export class SafeSqliteModule extends ConfigurableModuleClass implements OnApplicationShutdown {
  readonly #database: Database;

  constructor(
    @Inject(ownName) name: string,
    @Inject(ownDatabase) database: Database,
    @Inject(Databases) databases: Databases,
  ) {
    super();
    this.#database = database;
    databases.add(name, database);
  }

  async onApplicationShutdown(): Promise<void> {
    // A test may have put something simpler in its place.
    await this.#database[Symbol.asyncDispose]?.();
  }
}
