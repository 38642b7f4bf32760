/** Implements `db.reader`: reads off the event loop, in reader processes that can be stopped. */
import { keptAlive } from '../base/kept-alive';
import { atCaller } from '../base/own-frames';
import { AsyncLocalStorage } from 'node:async_hooks';
import type { Session } from '../connection/session';
import { InvalidOptionError } from '../errors/refusals';
import {
  checkQuery,
  checkSnapshot,
  type CheckedQuery,
  type QueryOptions,
  type SnapshotReadOptions,
} from './call-options';
import type { BindArguments, BindValue } from './messages';
import { errorOf } from './read-errors';
import type { ReadPool } from './read-pool';
import { ReadQuery, type QueryContext } from './read-query';
import { SnapshotTurn } from './snapshot';
import { sqlFacts } from './sql-facts';
import type { TurnHost } from './turn';

/** Values by position, or an object of named ones, as in better-sqlite3. */
export type ReadParameters = BindArguments | Readonly<Record<string, BindValue>>;

const MiB = 1024 * 1024;
/** `all` and `get` hold their whole result in the memory of the application. */
const largestResult = 64 * MiB;
/** Pieces of at most 128 rows in transit: the first is consumed while the second is read. */
const iterateWindow = 2;
const allWindow = 4;

/** The parts of a reader of one database. */
export interface ReaderAccess {
  readonly session: Session;
  /** The handle; kept reachable while a call runs. */
  readonly owner: object;
  readonly file: string;
  /** `null` if the option `readers` is `'off'`. */
  readonly pool: () => ReadPool | null;
  readonly timeoutMs: number;
  readonly safeIntegers: () => boolean;
}

/** The snapshot whose function is running. */
const inSnapshot = new AsyncLocalStorage<SnapshotTurn>();

/** Runs queries on one snapshot of the database; passed by `snapshot` to its function. */
export class SnapshotReader {
  readonly #access: ReaderAccess;
  readonly #snapshot: SnapshotTurn | null;

  /** @internal */
  constructor(access: ReaderAccess, snapshot: SnapshotTurn | null) {
    this.#access = access;
    this.#snapshot = snapshot;
  }

  /**
   * Resolves with all rows of the query, read by a reader process without blocking the event loop.
   *
   * It sees every write whose `db.write` resolved before the call, and only committed data. A statement that writes is
   * refused before it runs.
   *
   * @example
   *   const top = await db.reader.all<Sale>('SELECT * FROM sales WHERE day > ? ORDER BY amount DESC', [day], {
   *     timeoutMs: 5000,
   *     maxRows: 10_000,
   *   });
   * @throws (a rejection) QueryTimeoutError, the reason of the signal, ResultTooLargeError, ReadQueueFullError,
   *   ReaderError, UnsafeStatementError, ClosedDatabaseError, FencedDatabaseError, and the failures of SQLite
   */
  async all<Row = unknown>(sql: string, params?: ReadParameters, options?: QueryOptions): Promise<Row[]> {
    if (!isReader(this)) throw notAMethodOf('all');
    const query = this.#start(sql, params, options, { once: false, window: allWindow, maxBytes: largestResult });
    const all: unknown[] = [];
    for (let rows = await query.next(); rows !== null; rows = await query.next()) {
      for (const row of rows) all.push(row);
    }
    return all as Row[];
  }

  /**
   * Resolves with the first row of the query, `undefined` if there is none. See {@link all}.
   *
   * @throws (a rejection) as `all`
   */
  async get<Row = unknown>(sql: string, params?: ReadParameters, options?: QueryOptions): Promise<Row | undefined> {
    if (!isReader(this)) throw notAMethodOf('get');
    const query = this.#start(sql, params, options, { once: true, window: 1, maxBytes: largestResult });
    const rows = await query.next();
    return rows?.[0] as Row | undefined;
  }

  /**
   * Yields the rows of the query one by one, for exports: the reader reads ahead by some hundred rows and then waits
   * until they are consumed. Leaving the loop ends the statement. `timeoutMs` counts until the last row is read. After
   * an abort or the time limit no further row comes; with `maxRows` that many rows come before the error.
   *
   * @example
   *   for await (const sale of db.reader.iterate<Sale>('SELECT * FROM sales', [], { timeoutMs: 600_000 })) {
   *     if (!response.write(`${JSON.stringify(sale)}\n`)) await once(response, 'drain');
   *   }
   * @throws (from the first step of the loop on) as `all`
   */
  async *iterate<Row = unknown>(
    sql: string,
    params?: ReadParameters,
    options?: QueryOptions,
  ): AsyncGenerator<Row, void, undefined> {
    if (!isReader(this)) throw notAMethodOf('iterate');
    const query = this.#start(sql, params, options, { once: false, window: iterateWindow, maxBytes: null });
    try {
      for (let rows = await query.next(); rows !== null; rows = await query.next()) {
        for (const row of rows) {
          // The next call of `next` has the error.
          if (!query.allowsRow()) break;
          yield row as Row;
        }
      }
    } finally {
      await query.stop();
    }
  }

  #start(
    sql: string,
    params: ReadParameters | undefined,
    options: QueryOptions | undefined,
    kind: { readonly once: boolean; readonly window: number; readonly maxBytes: number | null },
  ): ReadQuery {
    const { timeoutMs, safeIntegers, session, owner, file } = this.#access;
    const query = checkQuery(sql, params, options, {
      timeoutMs,
      safeIntegers: safeIntegers(),
      maxBytes: kind.maxBytes,
    });
    const pool = this.#snapshot === null ? ownPool(this.#access) : usablePool(this.#access);
    query.signal?.throwIfAborted();
    const { shape, refused } = sqlFacts(sql);
    if (refused !== null) throw errorOf({ family: 'refused', why: refused }, { file, sql: shape });
    const host: TurnHost = this.#snapshot ?? pool;
    const context = contextOf(pool, query, this.#snapshot !== null);
    const { once, window } = kind;
    const turn = new ReadQuery({ host, context, query, shape, session, owner, once, window });
    host.submit(turn);
    return turn;
  }
}

/** Reads off the event loop; one for each handle of a database. */
export class DatabaseReader extends SnapshotReader {
  readonly #access: ReaderAccess;

  /** @internal */
  constructor(access: ReaderAccess) {
    super(access, null);
    this.#access = access;
  }

  /**
   * Runs `fn` with a reader whose queries all see the database as of the call, whatever is committed meanwhile, and
   * resolves with its result.
   *
   * It occupies one reader process, and pins the WAL, until `fn` ends: keep it short. Inside `fn` use only the reader
   * that is passed to it: `db.reader` could wait for a process that the snapshot itself holds, and throws. Its queries
   * run one after another; a loop over its `iterate` may read inside.
   *
   * @example
   *   const report = await db.reader.snapshot(async reader => ({
   *     count: await reader.get('SELECT count(*) AS n FROM sales'),
   *     sales: await reader.all('SELECT * FROM sales ORDER BY day'),
   *   }));
   * @throws (a rejection) the error of `fn`, TypeError inside another snapshot, and as `all`
   */
  async snapshot<Value>(
    fn: (reader: SnapshotReader) => Value | Promise<Value>,
    options?: SnapshotReadOptions,
  ): Promise<Value> {
    if (!isReader(this)) throw notAMethodOf('snapshot');
    const { timeoutMs, session, owner } = this.#access;
    const limits = checkSnapshot(fn, options, timeoutMs);
    const pool = ownPool(this.#access);
    limits.signal?.throwIfAborted();
    const turn = new SnapshotTurn({ host: pool, context: pool, limits, session, owner });
    pool.submit(turn);
    await turn.started;
    let outcome: 'done' | 'failed' = 'failed';
    try {
      const reader = new SnapshotReader(this.#access, turn);
      const value = await keptAlive(Promise.race([inSnapshot.run(turn, async () => fn(reader)), turn.failed]));
      outcome = 'done';
      return value;
    } finally {
      await turn.finish(outcome);
    }
  }

  /**
   * Starts reader processes ahead of time, which saves the first query a tenth of a second.
   *
   * `count` is bounded by `readers.max`. Default 1.
   */
  warm(count = 1): void {
    if (!isReader(this)) throw notAMethodOf('warm');
    if (!Number.isInteger(count) || count < 1)
      throw atCaller(new TypeError('Expected first argument to be a positive integer'));
    usablePool(this.#access).warm(count);
  }
}

/** False where a method was taken off its reader, as by `const { all } = db.reader`. */
function isReader(self: unknown): boolean {
  return self instanceof SnapshotReader;
}

function notAMethodOf(name: string): TypeError {
  return atCaller(
    new TypeError(`Call \`${name}\` on its reader: \`db.reader.${name}(…)\`; taken off it, it has no database`),
  );
}

/** Returns the pool for a call that waits for a reader of its own. */
function ownPool(access: ReaderAccess): ReadPool {
  const pool = usablePool(access);
  if (inSnapshot.getStore()?.holdsReaderOf(pool) !== true) return pool;
  throw atCaller(
    new TypeError('Inside a snapshot use the reader passed to its function: db.reader could wait for itself'),
  );
}

function usablePool({ session, pool, file }: ReaderAccess): ReadPool {
  if (session.refusal !== null) throw session.refusal();
  const usable = pool();
  if (usable !== null) return usable;
  throw new InvalidOptionError(`Cannot read ${file} with db.reader: the option \`readers\` is 'off'.`, {
    hint: "Open the database without `readers: 'off'`.",
    details: { option: 'readers' },
  });
}

function contextOf(pool: ReadPool, { sql }: CheckedQuery, inSnapshot: boolean): QueryContext {
  return {
    nextId: () => pool.nextId(),
    translate: (failure, turn) => pool.translate(failure, turn, sql),
    lost: (turn, slot, exit) => pool.lost(turn, slot, exit),
    timedOut: (turn, timeoutMs, slot) => pool.timedOut(turn, timeoutMs, slot, inSnapshot),
    ended: (outcome, queuedAt) => pool.ended(outcome, queuedAt),
  };
}
