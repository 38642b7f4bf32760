/** When the services of a file look at it: by the clock, behind a commit, and before one where neither of these comes. */

import { clearImmediate, clearTimeout, performance, setImmediate, setTimeout } from '../base/clock';
/** Begins and commits between two looks right behind one: each look costs a busy writer some 30 µs. */
const pulsesPerLookBehind = 32;
/** The same for the looks of a writer itself, which can be made to wait. */
const pulsesPerLookBefore = 64;
/** The same between two questions whether the WAL has grown by so much that a look cannot wait: each costs some 2 µs. */
const pulsesPerMeasure = 4;

/** Ticks at rest after which the next ones come at longer intervals: hundreds of idle databases must cost next to nothing. */
const ticksToRest = 4;
/** ms between two ticks at rest, at least. */
const restMs = 1000;

export type PollTarget = 'tick' | 'before a commit' | 'behind a commit';

/** What is looked at; asked at some pulses only. */
export interface Polled {
  /** `loopStands`: the event loop has not turned for many commits, or large ones. */
  readonly look: (moment: PollTarget, loopStands: boolean) => void;
  /** There is nothing to see. */
  readonly isOccupied: () => boolean;
  /** A look behind a commit finds a gap. */
  readonly leavesGaps: () => boolean;
  /** Much was written since the last look. */
  readonly hasGrown: () => boolean;
  /** Nothing waits, and nothing is open that could grow old. */
  readonly isAtRest: () => boolean;
}

export class Poller {
  readonly #looked: Polled;
  #timer: NodeJS.Timeout | null = null;
  #everyMs = 0;
  /** ms of the monotonic clock: when the timer runs. */
  #tickAt = 0;
  #behindCommit: NodeJS.Immediate | null = null;
  #pulses = 0;
  #unmeasured = 0;
  /** Ticks in a row without a pulse before them and with nothing to do. */
  #ticksAtRest = 0;

  constructor(looked: Polled) {
    this.#looked = looked;
  }

  /** A look that is due sooner stays: connections that come and go would put each off. */
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

  /** Called at each commit and each begin: also in a loop that lets no tick come, the WAL has a limit. */
  pulse(): void {
    this.#pulses += 1;
    this.#unmeasured += 1;
    if (this.#ticksAtRest > 0) this.#wake();
    // It was asked for many commits ago, or large ones.
    const loopStands = this.#behindCommit !== null;
    if (this.#pulses % pulsesPerLookBehind === 0) this.#askBehind();
    // Inside a transaction there is nothing to see: the next one that begins will do.
    if (this.#unmeasured < pulsesPerMeasure || this.#looked.isOccupied()) return;
    this.#unmeasured = 0;
    if (this.#pulses >= pulsesPerLookBefore) this.#pulses = 0;
    else if (this.#looked.hasGrown()) this.#askBehind();
    else return;
    this.#looked.look('before a commit', loopStands);
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

  /** The gap behind a commit is longest at its beginning; without its reference, the loop would sleep through it first. */
  #askBehind(): void {
    if (this.#looked.leavesGaps()) this.#behindCommit ??= setImmediate(() => this.#lookBehind());
  }

  #lookBehind(): void {
    this.#behindCommit = null;
    this.#looked.look('behind a commit', false);
  }
}

// Whether commits leave gaps that a checkpoint fits into: learned from the last one that looked for some.

/** ms. Commits that left no gap go on like that for a while, and each look for one costs the disk some syncs. */
const gaplessMs = 1000;
/** Commits that left no gap three times in a row leave none. */
const looks = 3;

export class Gaps {
  /** ms of the monotonic clock. */
  #noneUntil = 0;

  get likely(): boolean {
    return performance.now() >= this.#noneUntil;
  }

  /** How many checkpoints may follow one that a commit overtook, each of them in the next gap. */
  get followUps(): number {
    return this.likely ? looks : 0;
  }

  noneFound(): void {
    this.#noneUntil = performance.now() + gaplessMs;
  }
}
