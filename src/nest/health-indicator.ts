/** Provides a health indicator in the shape that Nest's Terminus expects. Terminus itself is not needed. */
import { Inject, Injectable } from '@nestjs/common';
import type { Database } from 'safe-sqlite';
import { Databases } from './databases.js';
import { defaultDatabaseName } from './tokens.js';

/** Shown by Terminus under the key: `up` or `down`, with the facts. */
export interface DatabaseIndication {
  readonly status: 'up' | 'down';
  /** The status of `db.health()`, or `closed`. */
  readonly state: 'ok' | 'degraded' | 'fenced' | 'closed';
  readonly reasons: readonly string[];
}

@Injectable()
export class SafeSqliteHealthIndicator {
  readonly #databases: Databases;

  constructor(@Inject(Databases) databases: Databases) {
    this.#databases = databases;
  }

  /**
   * For `health.check([() => indicator.isHealthy('database')])`.
   *
   * `up` while the database serves, also if `degraded`: reads and writes work. `down` if it is fenced or closed.
   *
   * @param key The name under which Terminus shows it.
   * @param name The name of the database. Default `'default'`.
   */
  isHealthy<Key extends string>(key: Key, name: string = defaultDatabaseName): Record<Key, DatabaseIndication> {
    return { [key]: indicationOf(this.#databases.get(name)) } as Record<Key, DatabaseIndication>;
  }
}

function indicationOf(database: Database): DatabaseIndication {
  if (!database.open) return { status: 'down', state: 'closed', reasons: ['the database is closed'] };
  const { status, reasons } = database.health();
  return { status: status === 'fenced' ? 'down' : 'up', state: status, reasons };
}
