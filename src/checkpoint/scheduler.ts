/**
 * Runs the services of one file in this thread, shared by all its connections: checkpoints, the check for a fence
 * marker, the search for long transactions.
 *
 *     timer (unref'ed) --------------> fence marker? --> long transactions? --> state of the WAL --> policy --> action
 *     pulse() -> after a commit ------------^                                   ^
 *             -> before a commit, in a loop that lets none of these run -------+
 *
 * One checkpoint at a time: the next one waits for `#running`. Another process may checkpoint the same file meanwhile;
 * SQLite then reports that it is busy.
 */
import { performance, setImmediate } from '../base/clock';
import type { FileIdentity } from '../base/file-identity';
import { asError } from '../base/foreign-error';
import { keptAlive } from '../base/kept-alive';
import { faultOf, fenceFiles, noticeMarker, type FencedFile } from '../fence/fence';
import { judgeFailure } from '../fence/judge-failure';
import { MaintenanceError } from '../errors/refusals';
import { SqliteResultError } from '../errors/sqlite-errors';
import { translateError } from '../errors/translate';
import { loadThreadProgram, stopCheckpoints, waitForCheckpoint, waitForCheckpoints } from '../maintenance/jobs-client';
import { checkpoint } from '../maintenance/jobs/checkpoint';
import type { CheckpointMode, CheckpointResult } from '../maintenance/messages';
import type { ResolvedCheckpoint } from '../options/resolved';
import {
  decideCheckpoint,
  growthPerPoll,
  mergeCheckpoint,
  type CheckpointDecision,
  type PollTrigger,
} from '../policy/checkpoint';
import {
  CheckpointCounters,
  hasTrouble,
  noHistory,
  pauseOf,
  withFailure,
  withPin,
  withRestart,
  withResult,
  type History,
} from './history';
import { Gaps, Poller, type PollPoint } from './poller';
import { findLongTransactions } from './long-transactions';
import { reportFailure, reportPinned, reportResult, WalWarning } from './report';
import { Restarts, isOccupied, noticeSwitch, WalView, type WalStatus } from './wal-status';
import { checkpointTarget, runCheckpoint, type CheckpointTarget } from './run-checkpoint';
import type { FileUser } from './file-user';

/** Milliseconds between two polls of a file. */
const tickMs = 250;
/** Milliseconds that a too fast writer waits at a time for the running checkpoint. */
const pressMs = 1000;

/** The reason of every abort, created once: a DOMException with its stack costs as much as three pragmas. */
const closed = new DOMException('The database is closed.', 'AbortError');

export interface CheckpointedFile extends FencedFile {
  readonly identity: FileIdentity | null;
}

export class FileScheduler {
  readonly target: CheckpointedFile;
  readonly counters = new CheckpointCounters();
  /** Waits in the thread of the package copy that created the scheduler: another copy has its own threads. */
  readonly waitUntilIdle = (timeoutMs: number): boolean => waitForCheckpoints(this.target.file, timeoutMs);
  readonly wal: WalView;
  readonly #users = new Set<FileUser>();
  /** The last connection that may write closes, or the file is fenced: a later checkpoint would go unreported. */
  #halted = false;
  /** Takes back the jobs that wait when that happens; made for the first of them. */
  #closing: AbortController | null = null;
  readonly #warning = new WalWarning();
  #settings: ResolvedCheckpoint | 'off' = 'off';
  #history: History = noHistory;
  #running: Promise<unknown> | null = null;
  /** Milliseconds of the monotonic clock since when frames have been pending. */
  #pendingSince: number | null = null;
  readonly #restarts = new Restarts();
  readonly #gaps = new Gaps();
  readonly #poller = new Poller({
    poll: (point, eventLoopBlocked) => this.#poll(point, eventLoopBlocked),
    isOccupied: () => this.#occupied,
    leavesGaps: () => this.#gaps.likely,
    hasGrown: () => this.wal.growth() >= growthPerPoll(this.#settings),
    isAtRest: () => this.#running === null && !hasTrouble(this.#history) && !this.#anyOccupied,
  });

  constructor(target: CheckpointedFile) {
    this.target = target;
    this.wal = new WalView(target.file, this.#users);
  }

  get users(): ReadonlySet<FileUser> {
    return this.#users;
  }

  get settings(): ResolvedCheckpoint | 'off' {
    return this.#settings;
  }

  get history(): History {
    return this.#history;
  }

  get running(): Promise<unknown> | null {
    return this.#running;
  }

  join(user: FileUser): void {
    this.#users.add(user);
    this.#arrange();
  }

  /** Returns how many connections are left. */
  leave(user: FileUser): number {
    this.#users.delete(user);
    this.#arrange();
    return this.#users.size;
  }

  /**
   * Called when a connection is about to close, or the file is fenced: nothing starts until the next `join` or `leave`.
   */
  halt(): void {
    this.#halted = true;
    this.#closing?.abort(closed);
    this.#closing = null;
    stopCheckpoints(this.target.file);
  }

  /** The connection did not close after all. */
  resume(): void {
    this.#arrange();
  }

  /** Called at each commit and each begin. */
  pulse(commits: boolean): void {
    if (commits) this.wal.count();
    this.#poller.pulse(commits);
  }

  /** For `db.checkpoint`: runs after the current one, whatever the policy says. */
  async request(mode: CheckpointMode): Promise<CheckpointResult> {
    // Copying first needs no lock, which leaves little work for TRUNCATE while it blocks writers.
    const passive = await this.#runNext('passive');
    return mode === 'passive' || !passive.complete ? { ...passive, mode } : this.#runNext('truncate');
  }

  /**
   * Runs a checkpoint in this thread, on the connection of `user`.
   *
   * @throws the translated error of SQLite, after it was reported; `TypeError` while a statement runs
   */
  runHere({ connection, schema }: FileUser): CheckpointResult {
    const { file } = this.target;
    this.#assertUnchanged();
    try {
      const run = (): CheckpointResult => checkpoint(connection.native, { mode: 'passive' }, { schema, file });
      const result = connection.verbose.quietly(run);
      this.#record(result);
      return result;
    } catch (error) {
      const failure = translateError(error, { file, operation: 'checkpoint' });
      if (failure instanceof SqliteResultError) this.#fail('passive', failure);
      throw failure;
    }
  }

  #arrange(): void {
    const checkpointing = [...this.#users].filter(user => user.checkpoints);
    this.#settings = mergeCheckpoint(checkpointing.map(({ connection }) => connection.options.checkpoint));
    if (this.#settings !== 'off' && this.#settings.thread === 'worker') loadThreadProgram();
    if (checkpointing.length === 0 || faultOf(this.target.key) !== null) this.halt();
    else this.#halted = false;
    if (this.#users.size === 0) return this.#poller.stop();
    const intervalMs = this.#settings === 'off' ? Number.POSITIVE_INFINITY : this.#settings.intervalMs;
    this.#poller.every(Math.min(tickMs, Math.ceil(intervalMs / 2)), intervalMs);
  }

  /** Another connection of the thread may be in a transaction meanwhile: PASSIVE waits for no lock. */
  get #occupied(): boolean {
    for (const user of this.#users) if (user.checkpoints && !isOccupied(user)) return false;
    return true;
  }

  /** Frames of overwritten files must not be copied into the database, or over it. */
  #assertUnchanged(): void {
    for (const user of this.#users) {
      const refused = user.checkpoints ? user.beforeCheckpoint() : null;
      if (refused !== null) throw refused;
    }
  }

  get #anyOccupied(): boolean {
    for (const user of this.#users) if (isOccupied(user)) return true;
    return false;
  }

  #poll(point: PollPoint, eventLoopBlocked: boolean): void {
    // Read-only connections opened since then continue.
    if (noticeMarker(this.target)) return this.halt();
    if (point === 'tick' && noticeSwitch(this.target.file, this.#users)) this.#arrange();
    // At a commit a transaction is always open, and never a long one.
    if (point === 'tick') findLongTransactions(this.#users, performance.now());
    const state = point === 'tick' ? this.wal.look() : this.wal.ask();
    const wal = { file: this.target.file, settings: this.#settings, users: this.#users, history: this.#history };
    this.#warning.check(state, wal, performance.now());
    this.#act(this.#decide(state, { justCompleted: false, atCommit: point === 'before a commit', eventLoopBlocked }));
  }

  #decide(state: WalStatus, trigger: PollTrigger): CheckpointDecision {
    const now = performance.now();
    this.#pendingSince = state.pendingBytes === 0 ? null : (this.#pendingSince ?? now);
    this.#noticeRestart(state, now);
    const { endedAt, blocked, pinned, untruncated, failed } = this.#history;
    return decideCheckpoint(
      {
        fenced: this.#halted,
        running: this.#running !== null,
        occupied: this.#occupied,
        walBytes: state.walBytes,
        commits: this.wal.commits,
        pendingBytes: state.exact ? state.pendingBytes : this.#guessed(state.pendingBytes),
        fileBytes: state.fileBytes,
        pendingForMs: now - (this.#pendingSince ?? now),
        sinceAttemptMs: now - endedAt,
        ...trigger,
        pauseMs: Math.max(pauseOf(blocked, now), pauseOf(failed, now)),
        inlinePauseMs: pauseOf(pinned, now),
        truncatePauseMs: pauseOf(untruncated, now),
      },
      this.#settings,
    );
  }

  /** A guess must not count as a full WAL at each tick; it leads to one attempt a second. */
  #guessed(pendingBytes: number): number {
    return this.#settings === 'off' ? pendingBytes : Math.min(pendingBytes, this.#settings.walBytes - 1);
  }

  #noticeRestart(state: WalStatus, now: number): void {
    const verdict = this.#restarts.judge(state, this.wal.restarts);
    if (verdict === 'restarted') this.#history = withRestart(this.#history);
    if (verdict !== 'pinned') return;
    this.#history = withPin(this.#history, now, Math.random());
    reportPinned(this.#users, this.#history);
  }

  #act({ action }: CheckpointDecision): void {
    if (action === 'none') return;
    if (action === 'inline') return this.#runInline();
    // The failure is an event and in the history; there is no caller to throw it to.
    void this.#run(action, false).catch(() => {});
  }

  #runInline(): void {
    const user = [...this.#users].find(each => each.checkpoints && !isOccupied(each));
    if (user === undefined) return;
    // While the other one runs, its new frames would not be copied.
    if (this.#running !== null && !waitForCheckpoint(this.target.file, pressMs)) return;
    try {
      const { complete } = this.runHere(user);
      const state = this.wal.look();
      this.#noticeRestart(state, performance.now());
      this.#restarts.expectAfter(complete ? state.walBytes : null);
      this.#goOn(complete);
    } catch {} // Reported already; see `#act`.
  }

  /** Starts what is due right after a checkpoint. */
  #goOn(justCompleted: boolean): void {
    if (noticeMarker(this.target)) return this.halt();
    this.#act(this.#decide(this.wal.look(), { justCompleted, atCommit: false, eventLoopBlocked: false }));
  }

  async #runNext(mode: CheckpointMode): Promise<CheckpointResult> {
    // The one running in the background would let the process exit.
    while (this.#running !== null) await keptAlive(this.#running);
    return this.#run(mode, true);
  }

  async #run(mode: CheckpointMode, awaited: boolean): Promise<CheckpointResult> {
    const inBackground = mode === 'passive' && !awaited;
    const followUps = inBackground ? this.#gaps.followUps : undefined;
    this.#assertUnchanged();
    const signal = this.#halted ? AbortSignal.abort(closed) : (this.#closing ??= new AbortController()).signal;
    const running = runCheckpoint(this.#checkpointTarget(), mode, { awaited, followUps, signal });
    const settled = running.then(
      () => {},
      () => {},
    );
    this.#running = settled;
    try {
      const result = await running;
      this.#running = null;
      this.#record(result);
      if ((followUps ?? 0) > 0 && this.wal.look().pendingBytes > 0) this.#gaps.noneFound();
      // After the commits of this turn: an `inline` and the commit that resets the WAL take two syncs each.
      if (inBackground) setImmediate(() => this.#goOn(result.complete));
      return result;
    } catch (error) {
      this.#running = null;
      // Otherwise the file closed before the thread took the job; it may be open again.
      const takenBack = signal.aborted && (error instanceof MaintenanceError || error === signal.reason);
      if (!takenBack) this.#fail(mode, asError(error));
      throw error;
    }
  }

  #checkpointTarget(): CheckpointTarget {
    return checkpointTarget({ target: this.target, users: this.#users, settings: this.#settings });
  }

  #record(result: CheckpointResult): void {
    this.counters.ended(result);
    this.wal.attempted();
    this.#history = withResult(this.#history, result, performance.now(), Math.random());
    if (result.complete) this.#pendingSince = null;
    if (result.complete) this.wal.completed();
    reportResult(this.#users, result, this.#history);
  }

  /** False while the last connection closes, and where the application or another program checkpoints. */
  get #retries(): boolean {
    return !this.#halted && this.#settings !== 'off' && this.#settings.owner !== 'external';
  }

  #fail(mode: CheckpointMode, error: Error): void {
    this.counters.failed();
    const { file } = this.target;
    const sqlite = error instanceof SqliteResultError ? error : null;
    const fence = sqlite !== null && judgeFailure(sqlite, { kind: 'checkpoint', journalMode: 'wal', file }).fence;
    this.#history = withFailure(this.#history, error, performance.now(), Math.random());
    const willRetry = !fence && this.#retries;
    reportFailure(this.#users, { mode, error, history: this.#history, willRetry });
    if (sqlite !== null && fence) fenceFiles([this.target], sqlite, `checkpoint (${mode})`);
  }
}
