/** A health indicator in the shape that Nest's Terminus asks for. Terminus itself is not needed. */
import { Inject, Injectable } from '@nestjs/common';
import type { Database } from 'safe-sqlite';
import { Databases } from './databases.js';
import { defaultDatabaseName } from './tokens.js';

/** What Terminus shows under the key: `up` or `down`, and the facts beside it. */
export interface DatabaseIndication {
  readonly status: 'up' | 'down';
  /** What `db.health()` says: `ok`, `degraded`, `fenced`; or `closed`, or `unknown` when it could not be told. */
  readonly state: string;
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
    return { [key]: indicationOf(this.#databases.get(name) as Database & DatabaseWithHealth) } as Record<
      Key,
      DatabaseIndication
    >;
  }
}

interface DatabaseWithHealth {
  readonly open: boolean;
  health(): { readonly status: string; readonly reasons: readonly string[] };
}

function indicationOf(database: DatabaseWithHealth): DatabaseIndication {
  if (!database.open) return { status: 'down', state: 'closed', reasons: ['the database is closed'] };
  try {
    const { status, reasons } = database.health();
    return { status: status === 'ok' || status === 'degraded' ? 'up' : 'down', state: status, reasons };
  } catch (error) {
    const code: unknown = Reflect.get(Object(error), 'code');
    const what = typeof code === 'string' ? code : 'an error without a code';
    return { status: 'down', state: 'unknown', reasons: [`its health could not be told: ${what}`] };
  }
}
