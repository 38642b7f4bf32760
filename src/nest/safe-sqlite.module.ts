/** Defines `SafeSqliteModule`, which opens a database with the application and closes it with the application. */
import { Inject, Module, type OnApplicationShutdown } from '@nestjs/common';
import type { Database } from 'safe-sqlite';
import { Databases } from './databases.js';
import { ConfigurableModuleClass, ownDatabase, ownName } from './module-definition.js';
import { SharedModule } from './shared.module.js';

/**
 * Opens one database and provides it for `@InjectDatabase()`. Import it once per database, each with its `name`.
 *
 * The database closes in `onApplicationShutdown`, after the last request: queued writes are committed, and the final
 * checkpoint runs. For signals Nest needs `app.enableShutdownHooks()`.
 *
 * @example
 * @Module({ imports: [SafeSqliteModule.forRoot({ filename: 'data/app.db' })] }) class AppModule {}
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
    // A test may have replaced it by a simpler object.
    await this.#database[Symbol.asyncDispose]?.();
  }
}
