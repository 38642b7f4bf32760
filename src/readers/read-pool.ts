/**
 * Manages the readers of one open database: started when calls wait, kept warm, ended when idle.
 *
 *     call ──> queue (handles take turns) ──> a free reader ──> released, or terminated with its query
 *                                       └──> none free, fewer than `max`: one more is started
 *
 * A reader does one thing at a time. A failure in it is the error of the call that it worked for.
 */
import { availableParallelism } from 'node:os';
import { clearTimeout, performance, setTimeout } from '../base/clock';
import type { EventHub } from '../events/event-hub';
import { isSqliteFailure, translateError } from '../errors/translate';
import { resolveCode } from '../errors/result-codes';
import type { ResolvedReaders } from '../options/resolved';
import { ReadCounters, type ReaderFacts, type ReadOutcome } from './counters';
import { FairQueue } from './fair-queue';
import type { FromReader, ReaderSettings, ReadFailure } from './messages';
import { hintAboutMissing, type OnlyHere } from './only-here';
import {
  closedError,
  errorOf,
  lostError,
  queuedTimeoutError,
  queueFullError,
  runningTimeoutError,
} from './read-errors';
import type { Reader, ReaderExit, ReaderListener } from './reader';
import { mayHaveEndedItself, waitUntilGone } from './reader-process';
import type { Slot, Turn, TurnHost } from './turn';
import { whyQueued, type WaitFacts } from './why-queued';

/** The part of the connection that the pool uses. */
export interface PoolConnection {
  /** Path of the database, or better-sqlite3's name of a database without a file. */
  readonly file: string;
  readonly hub: EventHub;
  /** Counts a failure of the storage and decides about the fence. */
  failure(error: unknown, operation: { readonly operation: string; readonly sql?: string }): unknown;
}

/** Starts the readers of this database. */
export interface ReaderSource {
  /** Why readers run in the application's thread; `null` if they are processes. */
  readonly obstacle: string | null;
  /** False if a reader sees a copy of the database, which the next call must not. */
  readonly reusable: boolean;
  readonly settings: ReaderSettings;
  /** What of the application's connection a copy of its database waits for; `null` if nothing. */
  waitsFor(): WaitFacts['openOnConnection'];
  start(listener: ReaderListener): Reader;
}

interface PooledReader extends Slot {
  readonly reader: Reader;
  ready: boolean;
  turn: Turn | null;
  /** Milliseconds of the monotonic clock. */
  since: number;
  idle: NodeJS.Timeout | null;
}

/** Milliseconds. SIGKILL takes some milliseconds to end a process; one that waits for a disk may never end. */
const goneMs = 30;
/** Milliseconds that `close()` waits for the locks of terminated readers. */
const closeMs = 1000;

/** Failures that concern the storage, not the query. */
const ofTheStorage: ReadonlySet<string> = new Set(['SQLITE_IOERR', 'SQLITE_CORRUPT', 'SQLITE_NOTADB']);

export class ReadPool implements TurnHost {
  readonly #connection: PoolConnection;
  readonly #limits: ResolvedReaders;
  readonly #source: ReaderSource;
  readonly #queue = new FairQueue<Turn>();
  readonly #turns = new Set<Turn>();
  readonly #readers = new Set<PooledReader>();
  /** Killed, and not ended yet. */
  readonly #dying = new Map<PooledReader, () => void>();
  readonly #counters = new ReadCounters();
  readonly #onlyHere: () => OnlyHere;
  readonly #max: number;
  #refusal: (() => Error) | null = null;
  #ids = 0;

  constructor(connection: PoolConnection, limits: ResolvedReaders, source: ReaderSource, onlyHere: () => OnlyHere) {
    this.#connection = connection;
    this.#limits = limits;
    this.#source = source;
    this.#max = mostReaders(limits);
    this.#onlyHere = onlyHere;
  }

  nextId(): number {
    return (this.#ids += 1);
  }

  // Called by the turns.

  submit(turn: Turn): void {
    if (this.#refusal !== null) return turn.drop(this.#refusal());
    this.#turns.add(turn);
    void turn.settled.then(() => this.#turns.delete(turn));
    const { maxQueued } = this.#limits;
    const room = this.#max - this.#readers.size + [...this.#readers].filter(isFree).length;
    if (this.#queue.size >= maxQueued + Math.max(0, room)) {
      this.#counters.ended('refused', 0);
      return turn.drop(queueFullError(this.#connection.file, this.#queue.size, maxQueued));
    }
    this.#queue.push(turn);
    this.#fill();
  }

  withdraw(turn: Turn): void {
    this.#queue.remove(turn);
  }

  release(slot: Slot, turn: Turn): void {
    const pooled = slot as PooledReader;
    if (pooled.turn !== turn) return;
    pooled.turn = null;
    pooled.since = performance.now();
    if (!this.#source.reusable) this.#rest(pooled);
    this.#fill();
  }

  paused(): void {
    // Nothing else may run on its connection: it would read the state of its statement.
  }

  /** A pool that ends has ended its turns. */
  isOver(): boolean {
    return false;
  }

  kill(slot: Slot, turn: Turn, gone: () => void): void {
    const pooled = slot as PooledReader;
    if (pooled.turn !== turn) return gone();
    pooled.turn = null;
    this.#kill(pooled, gone);
    this.#fill();
  }

  translate(failure: ReadFailure, { sql }: { readonly sql: string | null }, text = ''): unknown {
    const { file } = this.#connection;
    const error = errorOf(failure, { file, sql });
    if (!isSqliteFailure(error)) return error;
    const operation = { operation: 'read', ...(sql === null ? {} : { sql }) };
    const primary = resolveCode(error.code)?.primaryCode ?? error.code;
    if (ofTheStorage.has(primary)) return this.#connection.failure(error, operation);
    const hint = primary === 'SQLITE_ERROR' ? hintAboutMissing(text, this.#onlyHere()) : null;
    return translateError(error, { file, ...operation, ...(hint === null ? {} : { hint }) });
  }

  translateBegin({ error }: FromReader & { readonly type: 'error' }): unknown {
    return this.translate(error, { sql: null });
  }

  lost(turn: Turn, slot: Slot, exit: ReaderExit): unknown {
    const error = lostError({ file: this.#connection.file, sql: turn.sql }, slot.pid, exit, this.#limits.memoryBytes);
    this.#reportLost(slot.pid, exit, turn.sql, error);
    return error;
  }

  timedOut({ sql, isPaused }: Turn, timeoutMs: number, slot: Slot | null, inSnapshot = false): unknown {
    const phase = slot === null ? 'queued' : 'running';
    const { hub, file } = this.#connection;
    hub.publish('queryTimeout', { sql: sql ?? '', timeoutMs, phase, pid: slot?.pid ?? null });
    if (slot === null) return queuedTimeoutError({ file, sql }, timeoutMs, whyQueued(this.#waitFacts(inSnapshot)));
    const inThread = this.#source.obstacle !== null;
    return runningTimeoutError({ file, sql }, timeoutMs, { inThread, unread: isPaused });
  }

  ended(outcome: ReadOutcome, queuedAt: number): void {
    this.#counters.ended(outcome, performance.now() - queuedAt);
  }

  // Called by the connection.

  /** Starts readers ahead of time, until this many exist. */
  warm(count: number): void {
    if (this.#refusal !== null) return;
    for (let more = Math.min(count, this.#max) - this.#readers.size; more > 0; more--) this.#start();
  }

  facts(): ReaderFacts {
    const now = performance.now();
    const { obstacle } = this.#source;
    const inThread = obstacle !== null;
    const oldest = this.#queue.oldest();
    const running = [...this.#readers].filter(({ turn }) => turn !== null).toSorted((a, b) => a.since - b.since);
    return this.#counters.facts({
      mode: inThread ? 'thread' : 'processes',
      obstacle,
      max: this.#max,
      processes: inThread ? 0 : this.#readers.size,
      busy: running.length,
      queued: this.#queue.size,
      oldestMs: oldest === undefined ? null : now - oldest.queuedAt,
      running: running.map(({ turn, since, pid }) => ({
        sql: turn?.sql ?? null,
        ageMs: now - since,
        pid,
        snapshot: turn?.snapshot === true,
      })),
    });
  }

  /** Resolves when the calls of this handle have ended. */
  async leave(session: object): Promise<void> {
    const turns = [...this.#turns].filter(turn => turn.session === session);
    await Promise.all(turns.map(turn => turn.settled));
  }

  /** Ends the calls of a closing handle. */
  abandon(session: object): void {
    for (const turn of this.#turns) if (turn.session === session) turn.fail(closedError(this.#connection.file));
  }

  /** Ends every reader and every call: after a fence, or when the files were lost. */
  refuse(refusal: () => Error): void {
    this.#refusal ??= refusal;
    for (const turn of this.#turns) turn.fail(refusal());
    for (const pooled of this.#readers) this.#kill(pooled, () => {});
  }

  /** Ends every free reader, and returns when their locks are gone. */
  rest(): void {
    for (const pooled of this.#readers) if (isFree(pooled)) this.#kill(pooled, () => {});
    this.#waitUntilGone();
  }

  /** The same for a closing connection; returns when the locks of the readers are gone. */
  close(): void {
    this.refuse(() => closedError(this.#connection.file));
    this.#waitUntilGone();
  }

  #waitUntilGone(): void {
    const pids = [...this.#dying.keys()].flatMap(({ pid }) => (pid === null ? [] : [pid]));
    waitUntilGone(pids, closeMs);
  }

  #fill(): void {
    for (const pooled of this.#readers) {
      if (!isFree(pooled)) continue;
      const turn = this.#queue.shift();
      if (turn === undefined) break;
      this.#begin(pooled, turn);
    }
    const starting = [...this.#readers].filter(({ ready }) => !ready).length;
    const wanted = Math.min(this.#queue.size - starting, this.#max - this.#readers.size);
    // Killed readers that live on, in a disk call that does not return, count too: they cannot be ended.
    const possible = 2 * this.#max - this.#readers.size - this.#dying.size;
    for (let more = Math.min(wanted, possible); more > 0; more--) this.#start();
  }

  #begin(pooled: PooledReader, turn: Turn): void {
    if (pooled.idle !== null) clearTimeout(pooled.idle);
    pooled.idle = null;
    pooled.turn = turn;
    pooled.since = performance.now();
    turn.begin(pooled);
  }

  #start(): void {
    this.#counters.started += 1;
    const listener: ReaderListener = {
      message: message => this.#onMessage(pooled, message),
      exit: exit => this.#onExit(pooled, exit),
    };
    const reader = this.#source.start(listener);
    const pooled: PooledReader = {
      reader,
      pid: reader.pid,
      send: message => reader.send(message),
      ready: false,
      turn: null,
      since: performance.now(),
      idle: null,
    };
    this.#readers.add(pooled);
    reader.send({ type: 'open', settings: this.#source.settings });
  }

  #onMessage(pooled: PooledReader, message: FromReader): void {
    if (message.type === 'ready') {
      pooled.ready = true;
      this.#fill();
      this.#mayRest(pooled);
    } else if (message.type === 'failed') {
      this.#kill(pooled, () => {});
      const turn = this.#queue.shift();
      turn?.drop(this.translate(message.error, turn));
      this.#fill();
    } else {
      pooled.turn?.message(message);
      this.#mayRest(pooled);
    }
  }

  #onExit(pooled: PooledReader, exit: ReaderExit): void {
    const gone = this.#dying.get(pooled);
    if (gone !== undefined) {
      this.#dying.delete(pooled);
      gone();
      return this.#fill();
    }
    if (!this.#readers.delete(pooled)) return;
    if (pooled.idle !== null) clearTimeout(pooled.idle);
    const { turn } = pooled;
    if (turn?.isDue === true && mayHaveEndedItself(exit)) {
      // The application was blocked or stopped at the limit, and hears of the end before its own timer.
      this.#counters.killed += 1;
      pooled.turn = null;
      turn.expire();
      return this.#fill();
    }
    this.#counters.lost += 1;
    if (turn !== null) turn.lost(pooled, exit);
    else if (!pooled.ready) this.#notStarted(pooled, exit);
    this.#fill();
  }

  /** Rejects one call, so that no call waits for a process that cannot be started; the next one tries again. */
  #notStarted(pooled: PooledReader, exit: ReaderExit): void {
    const turn = this.#queue.shift();
    const error = lostError(
      { file: this.#connection.file, sql: turn?.sql ?? null },
      pooled.pid,
      exit,
      this.#limits.memoryBytes,
    );
    this.#reportLost(pooled.pid, exit, turn?.sql ?? null, error);
    turn?.drop(error);
  }

  #reportLost(pid: number | null, { exitCode, signal }: ReaderExit, sql: string | null, error: Error): void {
    this.#connection.hub.publish('readerLost', { pid, exitCode, signal, sql, error });
  }

  #kill(pooled: PooledReader, gone: () => void): void {
    this.#readers.delete(pooled);
    if (pooled.idle !== null) clearTimeout(pooled.idle);
    this.#counters.killed += 1;
    let told = false;
    const once = (): void => {
      clearTimeout(timer);
      if (!told) gone();
      told = true;
    };
    const timer = setTimeout(once, goneMs).unref();
    this.#dying.set(pooled, once);
    pooled.reader.kill();
  }

  #mayRest(pooled: PooledReader): void {
    if (!isFree(pooled) || pooled.idle !== null || !this.#readers.has(pooled)) return;
    pooled.idle = setTimeout(() => this.#rest(pooled), this.#limits.idleMs).unref();
  }

  /** Lets an idle reader close its connection and end. */
  #rest(pooled: PooledReader): void {
    if (pooled.idle !== null) clearTimeout(pooled.idle);
    if (!this.#readers.delete(pooled)) return;
    this.#dying.set(pooled, () => {});
    pooled.reader.send({ type: 'close' });
  }

  #waitFacts(inSnapshot: boolean): WaitFacts {
    const now = performance.now();
    const readers = [...this.#readers];
    const turns = readers.flatMap(({ turn }) => (turn === null ? [] : [turn]));
    return {
      inSnapshot,
      openOnConnection: this.#source.waitsFor(),
      max: this.#max,
      busy: turns.length,
      snapshots: turns.filter(({ snapshot }) => snapshot).length,
      loops: turns.filter(({ snapshot, isPaused }) => !snapshot && isPaused).length,
      startingMs: readers.filter(({ ready }) => !ready).map(({ since }) => now - since),
      dying: this.#dying.size,
      setup: this.#limits.setup !== null,
    };
  }
}

/** One core is left to the application. */
export function mostReaders({ max }: ResolvedReaders): number {
  return max ?? Math.max(1, availableParallelism() - 1);
}

function isFree({ ready, turn }: PooledReader): boolean {
  return ready && turn === null;
}
