/** Decides when the services of a file poll it: on a timer, after a commit, and before one if neither of these runs. */

import { clearImmediate, clearTimeout, performance, setImmediate, setTimeout } from '../base/clock';
/** Begins and commits between two polls right after one: each poll costs a busy writer some 30 µs. */
const pulsesPerLookBehind = 32;
/** The same for polls by the writer itself, which can be made to wait. */
const pulsesPerLookBefore = 64;
/** The same between two measurements of the WAL's growth, which may make a poll urgent: each costs some 2 µs. */
const pulsesPerMeasure = 4;

/** Idle ticks after which the interval grows: hundreds of idle databases must cost next to nothing. */
const ticksToRest = 4;
/** ms between two ticks at rest, at least. */
const restMs = 2000;

export type PollTarget = 'tick' | 'before a commit' | 'behind a commit';

/** The polled object; called at some pulses only. */
export interface Polled {
  /** `eventLoopBlocked`: the event loop is blocked, for many commits or large ones. */
  readonly look: (moment: PollTarget, eventLoopBlocked: boolean) => void;
  /** A poll would see nothing. */
  readonly isOccupied: () => boolean;
  /** A poll after a commit finds a gap. */
  readonly leavesGaps: () => boolean;
  /** Much was written since the last poll. */
  readonly hasGrown: () => boolean;
  /** Nothing is pending, and nothing is open that could grow old. */
  readonly isAtRest: () => boolean;
}

export class Poller {
  readonly #looked: Polled;
  #timer: NodeJS.Timeout | null = null;
  #everyMs = 0;
  /** Milliseconds of the monotonic clock at which the timer fires. */
  #tickAt = 0;
  #behindCommit: NodeJS.Immediate | null = null;
  #pulses = 0;
  #unmeasured = 0;
  /** Consecutive ticks with no pulse before them and nothing to do. */
  #ticksAtRest = 0;

  constructor(looked: Polled) {
    this.#looked = looked;
  }

  /** An earlier tick stays scheduled: connections that come and go would otherwise postpone it for ever. */
  every(ms: number): void {
    this.#everyMs = ms;
    if (this.#timer === null || performance.now() + ms < this.#tickAt) this.#startTimer();
  }

  stop(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    if (this.#behindCommit !== null) clearImmediate(this.#behindCommit);
    this.#timer = null;
    this.#behindCommit = null;
  }

  /** Called at each commit and each begin; bounds the WAL even in a loop that never lets a timer run. */
  pulse(): void {
    this.#pulses += 1;
    this.#unmeasured += 1;
    if (this.#ticksAtRest > 0) this.#wake();
    // It was requested many commits ago, or large ones.
    const eventLoopBlocked = this.#behindCommit !== null;
    if (this.#pulses % pulsesPerLookBehind === 0) this.#askBehind();
    // A transaction hides the state of the WAL: the next begin polls.
    if (this.#unmeasured < pulsesPerMeasure || this.#looked.isOccupied()) return;
    this.#unmeasured = 0;
    if (this.#pulses >= pulsesPerLookBefore) this.#pulses = 0;
    else if (this.#looked.hasGrown()) this.#askBehind();
    else return;
    this.#looked.look('before a commit', eventLoopBlocked);
  }

  #startTimer(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    const everyMs = this.#ticksAtRest < ticksToRest ? this.#everyMs : Math.max(this.#everyMs, restMs);
    this.#tickAt = performance.now() + everyMs;
    this.#timer = setTimeout(() => this.#tick(), everyMs).unref();
  }

  #tick(): void {
    this.#ticksAtRest += 1;
    this.#startTimer();
    this.#looked.look('tick', false);
    if (!this.#looked.isAtRest()) this.#ticksAtRest = 0;
  }

  #wake(): void {
    const slow = this.#ticksAtRest >= ticksToRest;
    this.#ticksAtRest = 0;
    if (slow && this.#timer !== null) this.#startTimer();
  }

  /**
   * The gap after a commit is longest at its beginning; without a ref'ed immediate, the loop would sleep through it
   * first.
   */
  #askBehind(): void {
    if (this.#looked.leavesGaps()) this.#behindCommit ??= setImmediate(() => this.#lookBehind());
  }

  #lookBehind(): void {
    this.#behindCommit = null;
    this.#looked.look('behind a commit', false);
  }
}

// Learns from the last checkpoint that needed gaps whether commits leave any.

/** Milliseconds. A series of commits without a gap tends to last, and each search for one costs several syncs. */
const gaplessMs = 1000;
/** Three commits in a row without a gap mean that there are none. */
const looks = 3;

export class Gaps {
  /** Milliseconds of the monotonic clock. */
  #noneUntil = 0;

  get likely(): boolean {
    return performance.now() >= this.#noneUntil;
  }

  /** Maximum number of further checkpoints after one that a commit overtook, each in the next gap. */
  get followUps(): number {
    return this.likely ? looks : 0;
  }

  noneFound(): void {
    this.#noneUntil = performance.now() + gaplessMs;
  }
}
