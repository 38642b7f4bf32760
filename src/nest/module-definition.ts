/** Defines the static methods of the module with Nest's builder: `forRoot` and `forRootAsync`. */
import { ConfigurableModuleBuilder } from '@nestjs/common';
import { openDatabase, type Database, type Options } from 'safe-sqlite';
import { defaultDatabaseName, getDatabaseToken } from './tokens.js';

/** The options of `openDatabase`, and the file. */
export interface SafeSqliteModuleOptions extends Options {
  /** Path of the database, as `openDatabase` takes it. */
  readonly filename: string;
}

/** Passed with the options of the database; with `forRootAsync`, next to `useFactory`. */
export interface SafeSqliteModuleExtras {
  /** For `@InjectDatabase(name)`; each name once in an application. Default `'default'`. */
  name?: string;
  /** True: every module of the application can inject the database. Default `true`. */
  isGlobal?: boolean;
}

/** Inside one module: its options, the name of its database, and the database itself. */
const ownOptions = Symbol.for('safe-sqlite.nest.own-options');
export const ownName = Symbol.for('safe-sqlite.nest.own-name');
export const ownDatabase = Symbol.for('safe-sqlite.nest.own-database');

export const { ConfigurableModuleClass } = new ConfigurableModuleBuilder<SafeSqliteModuleOptions>({
  optionsInjectionToken: ownOptions,
})
  .setClassMethodName('forRoot')
  .setExtras<SafeSqliteModuleExtras>({ name: defaultDatabaseName, isGlobal: true }, (definition, extras) => {
    const token = getDatabaseToken(extras.name);
    return {
      ...definition,
      global: extras.isGlobal ?? true,
      providers: [
        ...(definition.providers ?? []),
        { provide: ownName, useValue: extras.name ?? defaultDatabaseName },
        { provide: token, useFactory: open, inject: [ownOptions] },
        { provide: ownDatabase, useExisting: token },
      ],
      exports: [token],
    };
  })
  .build();

/** Opens one shared connection for the whole process: a second application in it gets a handle of its own. */
function open({ filename, ...options }: SafeSqliteModuleOptions): Database {
  return openDatabase(filename, options);
}
