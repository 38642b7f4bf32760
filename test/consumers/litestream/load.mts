/** Clients that write through the service of examples/litestream, and the ledger of what it acknowledged. */
import assert from 'node:assert/strict';
import Database from 'better-sqlite3';
import { until } from '../../support/until.mts';

interface Entry {
  readonly table: 'events' | 'transfers';
  readonly id: number;
  readonly content: string;
  /** ms of the monotonic clock. */
  readonly sentAt: number;
  readonly acknowledgedAt: number;
}

/** One request in eight is a synchronous transaction, the others go through `db.write`. */
export class Load {
  readonly acknowledged: Entry[] = [];
  readonly #url: string;
  readonly #clients: Promise<void>[];
  #stopped = false;
  #sequence = 0;

  constructor(url: string, clients = 32) {
    this.#url = url;
    this.#clients = Array.from({ length: clients }, () => this.#client());
  }

  /** Resolves when so many commits are acknowledged. */
  async reach(count: number): Promise<void> {
    await until(() => this.acknowledged.length >= count, `${count} commits are acknowledged`);
  }

  /** The clients also end by themselves when the service is gone. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.all(this.#clients);
  }

  async #client(): Promise<void> {
    while (!this.#stopped) {
      const sequence = this.#sequence++;
      const table = sequence % 8 === 0 ? 'transfers' : 'events';
      const order = { from: `account ${sequence % 7}`, to: `account ${sequence % 5}`, amount: sequence };
      const content = table === 'events' ? `event ${sequence}` : JSON.stringify(order);
      const sentAt = performance.now();
      try {
        const response = await fetch(`${this.#url}/${table}`, { method: 'POST', body: content });
        const { id } = (await response.json()) as { id: number };
        assert.equal(response.status, 201);
        this.acknowledged.push({ table, id, content, sentAt, acknowledgedAt: performance.now() });
      } catch (error) {
        // Killed: what was not acknowledged was not promised.
        if (error instanceof assert.AssertionError) throw error;
        return;
      }
    }
  }
}

/**
 * Compares a database row by row with what was acknowledged, and returns what is missing.
 *
 * Whatever is there must be right, a transaction is there as a whole, and what is missing must be the end: an entry that was
 * acknowledged before another one was even sent cannot be missing when the later one is there.
 */
export function missingFrom(file: string, acknowledged: readonly Entry[]): readonly Entry[] {
  const db = new Database(file, { readonly: true });
  const events = db.prepare('SELECT id, text AS content FROM events').all() as { id: number; content: string }[];
  const transfers = db.prepare('SELECT * FROM transfers').all() as (Record<string, unknown> & { id: number })[];
  const balances = db.prepare('SELECT name, balance FROM accounts ORDER BY name').all();
  const booked = db
    .prepare(
      `SELECT name, sum(amount) AS balance
       FROM (SELECT "to" AS name, amount FROM transfers UNION ALL SELECT "from", -amount FROM transfers)
       GROUP BY name ORDER BY name`,
    )
    .all();
  db.close();
  assert.deepEqual(balances, booked);
  const stored = {
    events: new Map(events.map(({ id, content }) => [id, content])),
    transfers: new Map(transfers.map(({ id, ...order }) => [id, JSON.stringify(order)])),
  };
  const isThere = ({ table, id, content }: Entry): boolean => {
    const found = stored[table].get(id);
    if (found !== undefined) assert.equal(found, content);
    return found !== undefined;
  };
  const missing = acknowledged.filter(entry => !isThere(entry));
  const lastSent = Math.max(...acknowledged.filter(isThere).map(({ sentAt }) => sentAt));
  assert.deepEqual(
    missing.filter(({ acknowledgedAt }) => acknowledgedAt < lastSent),
    [],
  );
  return missing;
}
