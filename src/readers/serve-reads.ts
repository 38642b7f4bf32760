/**
 * Runs the queries of one reader on its connection, in pieces, never more pieces than requested. In a snapshot a query may
 * begin while another one waits for `more`.
 *
 *     query ──> prepare, refuse writes ──> piece, piece …  (as many as `window` allows)
 *     more  ──> piece                       the last piece ends the statement
 *     stop  ──> the statement is reset, done
 */
import { performance, setImmediate, setTimeout } from '../base/clock';
import { errorCode, errorMessage, errorName } from '../base/foreign-error';
import { isSqliteFailure } from '../errors/translate';
import { serializeRefusal } from '../maintenance/serialized-error';
import type { NativeDatabase } from '../native/better-sqlite3';
import { isExplained, refusalForReaders, type ReadRefusal } from '../sql/read-only';
import { statementKind } from '../sql/statement-kind';
import type { FromReader, QueryMessage, ReadFailure, RowForm, ToReader } from './messages';
import { SetupError } from './read-connection';

type Native = NativeDatabase.Database;
type NativeStatement = NativeDatabase.Statement<unknown[]>;

/** Rows and bytes of one piece: receiving it blocks the event loop for about a millisecond. */
const pieceRows = 128;
const pieceBytes = 64 * 1024;
/** Statements that stay prepared. */
const keptStatements = 100;

/** A statement, and the form of its rows that was set last; `null` before the first call. */
interface Prepared {
  readonly statement: NativeStatement;
  rows: RowForm | null;
  safeIntegers: boolean | null;
}

interface Running {
  readonly query: QueryMessage;
  readonly rows: Iterator<unknown>;
  /** Milliseconds of the monotonic clock: its limit. */
  readonly endsAt: number;
  credit: number;
  rowCount: number;
  byteCount: number;
  columns: readonly string[] | null;
}

/** Refuses a statement that does not only read. */
export class RefusedStatement extends Error {
  readonly why: ReadRefusal;

  constructor(why: ReadRefusal) {
    super(why);
    this.why = why;
  }
}

class ResultTooLarge extends Error {
  readonly limit: 'maxRows' | 'maxBytes';
  readonly value: number;

  constructor(limit: 'maxRows' | 'maxBytes', value: number) {
    super(limit);
    this.limit = limit;
    this.value = value;
  }
}

/** Rows of one piece, and the error that follows them. */
interface Piece {
  readonly rows: unknown[];
  readonly columns: readonly string[] | null;
  readonly last: boolean;
  readonly failure: ResultTooLarge | null;
}

export interface ServeOptions {
  /** Longest time for reading one piece, in milliseconds; one step of SQLite is not interrupted. */
  readonly pieceMs: number;
  /** Called when SQLite starts to work on a query, and with `null` when that has ended. */
  readonly working: (query: Pick<QueryMessage, 'shape' | 'endsInMs'> | null) => void;
  /** Milliseconds for which a locked database is retried if SQLite itself does not wait. */
  readonly retryBusyMs: number;
}

export class ReadServer {
  readonly #db: Native;
  readonly #send: (message: FromReader) => void;
  readonly #options: ServeOptions;
  readonly #statements = new Map<string, Prepared>();
  /** By the id of the query. */
  readonly #running = new Map<number, Running>();

  constructor(db: Native, send: (message: FromReader) => void, options: ServeOptions) {
    this.#db = db;
    this.#send = send;
    this.#options = options;
  }

  handle(message: Exclude<ToReader, { type: 'open' | 'close' }>): void {
    switch (message.type) {
      case 'query':
        return this.#attempt(message.id, () => this.#begin(message));
      case 'more':
        return this.#more(message.id);
      case 'stop':
        return this.#stop(message.id);
      case 'begin':
        return this.#attempt(message.id, () => {
          this.#db.exec('BEGIN');
          // The first page that is read fixes the snapshot of the transaction.
          this.#prepared('SELECT 1 FROM sqlite_schema LIMIT 1').statement.get();
          this.#send({ type: 'done', id: message.id });
        });
      case 'end':
        return this.#attempt(message.id, () => {
          if (this.#db.inTransaction) this.#db.exec('COMMIT');
          this.#send({ type: 'done', id: message.id });
        });
    }
  }

  /** Resets the running statement and closes the connection. */
  close(): void {
    for (const running of this.#running.values()) this.#finish(running);
    this.#db.close();
  }

  #more(id: number): void {
    const running = this.#running.get(id);
    if (running === undefined) return;
    running.credit += 1;
    if (running.credit === 1) this.#pump(running);
  }

  #stop(id: number): void {
    const running = this.#running.get(id);
    if (running === undefined) return;
    this.#finish(running);
    this.#send({ type: 'done', id });
  }

  #begin(query: QueryMessage): void {
    const endsAt = performance.now() + query.endsInMs;
    this.#options.working({ shape: query.shape, endsInMs: Math.min(...this.#limits(), endsAt) - performance.now() });
    const statement = inForm(this.#prepared(query.sql), query);
    // `get` costs a third of an iterator, and resets the statement by itself.
    const rows = query.once ? firstOf(statement.get(...query.parameters)) : statement.iterate(...query.parameters);
    const running: Running = {
      query,
      rows,
      endsAt,
      credit: query.window,
      rowCount: 0,
      byteCount: 0,
      columns: null,
    };
    this.#running.set(query.id, running);
    this.#pump(running);
  }

  /** Sends the requested pieces, with a turn of the event loop between two. */
  #pump(running: Running): void {
    if (this.#running.get(running.query.id) !== running || running.credit === 0) return;
    this.#attempt(running.query.id, () => {
      const { query } = running;
      const { rows, columns, last, failure } = this.#piece(running);
      running.credit -= 1;
      // Reset before the last piece is sent: the caller may need the locks of the statement next.
      if (last) this.#reset(running);
      if (failure === null || rows.length > 0) this.#send({ type: 'piece', id: query.id, columns, rows, last });
      if (failure !== null) throw failure;
      if (last) this.#showWork();
      else if (running.credit > 0) setImmediate(() => this.#pump(running));
    });
  }

  #piece(running: Running): Piece {
    const { query } = running;
    const known = running.columns;
    const rows: unknown[] = [];
    const until = performance.now() + this.#options.pieceMs;
    let bytes = 0;
    let last = false;
    while (rows.length < pieceRows && bytes < pieceBytes && (rows.length === 0 || performance.now() < until)) {
      const next = running.rows.next();
      if (next.done === true) {
        last = true;
        break;
      }
      const values = query.rows === 'objects' ? valuesOf(running, next.value as object) : next.value;
      const size = checkedSize(running, values);
      // The rows before it are within the limit: a loop over `iterate` gets them.
      if (typeof size !== 'number') return { ...pieceOf(rows, known, running), last, failure: size };
      bytes += size;
      rows.push(values);
      if (query.once) {
        last = true;
        break;
      }
    }
    return { ...pieceOf(rows, known, running), last, failure: null };
  }

  #finish(running: Running): void {
    this.#reset(running);
    this.#showWork();
  }

  *#limits(): Generator<number> {
    for (const { endsAt } of this.#running.values()) yield endsAt;
  }

  /** After a query has ended: the others of its snapshot go on, with the limit of the first to reach its own. */
  #showWork(): void {
    const last = [...this.#running.values()].at(-1);
    if (last === undefined) return this.#options.working(null);
    const { shape } = last.query;
    this.#options.working({ shape, endsInMs: Math.min(...this.#limits()) - performance.now() });
  }

  #reset(running: Running): void {
    this.#running.delete(running.query.id);
    running.rows.return?.();
  }

  #attempt(id: number, run: () => void, startedAt = performance.now()): void {
    try {
      run();
    } catch (error) {
      const running = this.#running.get(id);
      const fresh = running === undefined || running.rowCount === 0;
      if (running === undefined) this.#showWork();
      else this.#finish(running);
      const busy = errorCode(error)?.startsWith('SQLITE_BUSY') === true;
      if (busy && this.#running.size === 0 && this.#db.inTransaction) this.#db.exec('ROLLBACK');
      if (busy && fresh && performance.now() - startedAt < this.#options.retryBusyMs) {
        setTimeout(() => this.#db.open && this.#attempt(id, run, startedAt), busyPauseMs);
      } else this.#send({ type: 'error', id, error: failureOf(error) });
    }
  }

  #prepared(sql: string): Prepared {
    const known = this.#statements.get(sql);
    if (known?.statement.busy === false) return known;
    const refused = refusalForReaders(sql);
    if (refused !== null) throw new RefusedStatement(refused);
    const statement = this.#db.prepare<unknown[]>(sql);
    // SQLite counts `PRAGMA journal_mode` as a write even if it sets nothing, and EXPLAIN as what it explains.
    const reads = statement.readonly || statementKind(sql) === 'pragma-read' || isExplained(sql);
    if (!reads) throw new RefusedStatement('write');
    if (!statement.reader) throw new RefusedStatement('no-rows');
    for (const oldest of this.#statements.keys()) {
      if (this.#statements.size < keptStatements) break;
      this.#statements.delete(oldest);
    }
    const prepared: Prepared = { statement, rows: null, safeIntegers: null };
    // One that another query of the snapshot uses stays the one that is kept.
    if (known === undefined) this.#statements.set(sql, prepared);
    return prepared;
  }
}

/** Milliseconds between two attempts at a locked database in the application's thread. */
const busyPauseMs = 10;

function inForm(prepared: Prepared, { rows, safeIntegers }: QueryMessage): NativeStatement {
  const { statement } = prepared;
  if (prepared.rows !== rows) {
    if (rows === 'arrays') statement.raw(true);
    else if (rows === 'first-column') statement.pluck(true);
    else statement.raw(false).pluck(false);
    prepared.rows = rows;
  }
  if (prepared.safeIntegers !== safeIntegers) {
    statement.safeIntegers(safeIntegers);
    prepared.safeIntegers = safeIntegers;
  }
  return statement;
}

function* firstOf(row: unknown): Generator<unknown> {
  if (row !== undefined) yield row;
}

/** The values alone: the column names are only sent with the first piece. */
function valuesOf(running: Running, row: object): unknown[] {
  running.columns ??= Object.keys(row);
  return Object.values(row);
}

/** The columns are sent once, with the first piece. */
function pieceOf(rows: unknown[], known: Running['columns'], { columns }: Running): Pick<Piece, 'rows' | 'columns'> {
  return { rows, columns: known === columns ? null : columns };
}

/** Returns the bytes of a row, or the error of a limit that it exceeds. */
function checkedSize(running: Running, row: unknown): number | ResultTooLarge {
  const { maxRows, maxBytes } = running.query;
  const bytes = Array.isArray(row) ? row.reduce<number>((sum, value) => sum + sizeOf(value), 0) : sizeOf(row);
  running.rowCount += 1;
  running.byteCount += bytes;
  if (maxRows !== null && running.rowCount > maxRows) return new ResultTooLarge('maxRows', maxRows);
  if (maxBytes !== null && running.byteCount > maxBytes) return new ResultTooLarge('maxBytes', maxBytes);
  return bytes;
}

/** Bytes of a value: text in UTF-8, 8 for a number. */
function sizeOf(value: unknown): number {
  if (typeof value === 'string') return Buffer.byteLength(value);
  return ArrayBuffer.isView(value) ? value.byteLength : 8;
}

/** Serializes an error for the other process. */
export function failureOf(error: unknown): ReadFailure {
  if (isSqliteFailure(error)) return { family: 'sqlite', code: error.code, message: error.message };
  if (error instanceof RefusedStatement) return { family: 'refused', why: error.why };
  if (error instanceof ResultTooLarge) return { family: 'too-large', limit: error.limit, value: error.value };
  if (error instanceof SetupError) return { family: 'setup', module: error.module, message: error.message };
  const refusal = serializeRefusal(error);
  if (refusal !== null) return refusal;
  const name = errorName(error);
  const message = errorMessage(error);
  if (name === 'TypeError' || name === 'RangeError') return { family: 'argument', name, message };
  return { family: 'other', name, message, code: errorCode(error) };
}
