/** Decides when the services of a file poll it: on a timer, after a commit, and before one if neither of these runs. */

import { clearImmediate, performance, setImmediate } from '../base/clock';
import { joinRounds, type Round } from '../base/rounds';

/** Begins and commits between two polls right after one: each poll costs a busy writer some 30 µs. */
const pulsesPerPollAfter = 32;
/** The same for polls by the writer itself, which can be made to wait. */
const pulsesPerPollBefore = 64;
/** The same between two measurements of the WAL's growth, which may make a poll urgent: each costs some 2 µs. */
const pulsesPerMeasure = 4;

/** Idle ticks after which the interval grows: hundreds of idle databases must cost next to nothing. */
const ticksToRest = 4;
/** Milliseconds between two ticks at rest: at first, after some of them, and after a minute. */
const restMs = 2000;
const longRestMs = 10_000;
const ticksToLongRest = 9;
const longestRestMs = 30_000;
const ticksToLongestRest = 16;
/** Frames that wait for the interval of the checkpoints are copied late by no more than this share of it. */
const restShare = 1 / 8;
/** The same after a minute without a commit of this process: what waits then is another one's. */
const longestRestShare = 1 / 2;

export type PollPoint = 'tick' | 'before a commit' | 'after a commit';

/** The polled object; called at some pulses only. */
export interface Polled {
  /** `eventLoopBlocked`: the event loop is blocked, for many commits or large ones. */
  readonly poll: (point: PollPoint, eventLoopBlocked: boolean) => void;
  /** A poll would see nothing. */
  readonly isOccupied: () => boolean;
  /** A poll after a commit finds a gap. */
  readonly leavesGaps: () => boolean;
  /** Much was written since the last poll. */
  readonly hasGrown: () => boolean;
  /** Nothing is running, open or paused: the next tick finds what this one found, unless another process writes. */
  readonly isAtRest: () => boolean;
}

export class Poller {
  readonly #polled: Polled;
  readonly #ticks: Round = joinRounds(() => this.#tick());
  /** Milliseconds between two ticks, between two at rest, after a long rest and after the longest. */
  #everyMs = 0;
  #everyRestMs = 0;
  #everyLongRestMs = 0;
  #everyLongestRestMs = 0;
  #afterCommit: NodeJS.Immediate | null = null;
  #pulses = 0;
  #unmeasured = 0;
  /** A commit since the last poll before one. */
  #hasCommitted = false;
  /** Consecutive ticks with no pulse before them and nothing to do. */
  #ticksAtRest = 0;

  constructor(polled: Polled) {
    this.#polled = polled;
  }

  /**
   * `agesMs`: after so long, pending frames are copied. An earlier tick stays scheduled: connections that come and go
   * would otherwise postpone it for ever.
   */
  every(ms: number, agesMs: number): void {
    this.#everyMs = ms;
    this.#everyRestMs = Math.max(ms, Math.min(restMs, agesMs * restShare));
    this.#everyLongRestMs = Math.max(ms, Math.min(longRestMs, agesMs * restShare));
    this.#everyLongestRestMs = Math.max(ms, Math.min(longestRestMs, agesMs * longestRestShare));
    if (performance.now() + ms < this.#ticks.dueAt) this.#ticks.in(ms);
  }

  stop(): void {
    this.#ticks.stop();
    if (this.#afterCommit !== null) clearImmediate(this.#afterCommit);
    this.#afterCommit = null;
  }

  /**
   * Called at each commit and each begin; bounds the WAL even in a loop that never lets a timer run. A begin counts only until
   * a poll has seen the last commit: transactions that only read, or are empty, leave the WAL as it was.
   */
  pulse(commits: boolean): void {
    if (this.#ticksAtRest > 0) this.#wake();
    if (commits) this.#hasCommitted = true;
    else if (!this.#hasCommitted) return;
    this.#pulses += 1;
    this.#unmeasured += 1;
    // It was requested many commits ago, or large ones.
    const eventLoopBlocked = this.#afterCommit !== null;
    if (this.#pulses % pulsesPerPollAfter === 0) this.#requestPollAfter();
    // A transaction hides the state of the WAL: the next begin polls.
    if (this.#unmeasured < pulsesPerMeasure || this.#polled.isOccupied()) return;
    this.#unmeasured = 0;
    if (this.#pulses >= pulsesPerPollBefore) this.#pulses = 0;
    else if (this.#polled.hasGrown()) this.#requestPollAfter();
    else return;
    this.#hasCommitted = commits;
    this.#polled.poll('before a commit', eventLoopBlocked);
  }

  #tick(): void {
    this.#ticksAtRest += 1;
    this.#ticks.in(this.#nextMs);
    this.#polled.poll('tick', false);
    if (!this.#polled.isAtRest()) this.#ticksAtRest = 0;
  }

  get #nextMs(): number {
    if (this.#ticksAtRest < ticksToRest) return this.#everyMs;
    if (this.#ticksAtRest < ticksToLongRest) return this.#everyRestMs;
    return this.#ticksAtRest < ticksToLongestRest ? this.#everyLongRestMs : this.#everyLongestRestMs;
  }

  #wake(): void {
    const slow = this.#ticksAtRest >= ticksToRest;
    this.#ticksAtRest = 0;
    if (slow && this.#ticks.dueAt !== Number.POSITIVE_INFINITY) this.#ticks.in(this.#everyMs);
  }

  /**
   * The gap after a commit is longest at its beginning; without a ref'ed immediate, the loop would sleep through it
   * first.
   */
  #requestPollAfter(): void {
    if (this.#polled.leavesGaps()) this.#afterCommit ??= setImmediate(() => this.#pollAfter());
  }

  #pollAfter(): void {
    this.#afterCommit = null;
    this.#polled.poll('after a commit', false);
  }
}

// Learns from the last checkpoint that needed gaps whether commits leave any.

/** Milliseconds. A series of commits without a gap tends to last, and each search for one costs several syncs. */
const gaplessMs = 1000;
/** Three commits in a row without a gap mean that there are none. */
const maxFollowUps = 3;

export class Gaps {
  /** Milliseconds of the monotonic clock. */
  #noneUntil = 0;

  get likely(): boolean {
    return performance.now() >= this.#noneUntil;
  }

  /** Maximum number of further checkpoints after one that a commit overtook, each in the next gap. */
  get followUps(): number {
    return this.likely ? maxFollowUps : 0;
  }

  noneFound(): void {
    this.#noneUntil = performance.now() + gaplessMs;
  }
}
