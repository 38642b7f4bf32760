/** A health indicator in the shape that Nest's Terminus asks for. Terminus itself is not needed. */
import { Inject, Injectable } from '@nestjs/common';
import type { Database } from 'safe-sqlite';
import { Databases } from './databases.js';
import { defaultDatabaseName } from './tokens.js';

/** What Terminus shows under the key: `up` or `down`, and the facts beside it. */
export interface DatabaseIndication {
  readonly status: 'up' | 'down';
  /** What `db.health()` says, or `closed`. */
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
   * `up` while the database serves, also `degraded`: reads and writes work. `down` when it is fenced or closed.
   *
   * @param key Under which name Terminus shows it.
   * @param name Which database. Default `'default'`.
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
