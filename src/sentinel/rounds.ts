/** Checks all sentinels of a thread in shared rounds, and lets one survey of the descriptors serve them all. */
import { performance } from '../base/clock';
import { identityKey, type FileIdentity } from '../base/file-identity';
import { processGlobal } from '../base/process-global';
import { joinRounds, type Round } from '../base/rounds';
import { Survey, type WatchedRole } from './survey';

export interface RoundMember {
  /** Milliseconds between two checks. */
  readonly intervalMs: number;
  /** True if the connection was used since the last question. */
  takeUse(): boolean;
  /** The files whose descriptors count. */
  watched(): Iterable<readonly [FileIdentity, WatchedRole]>;
  /** The regular check. */
  check(): void;
  /** A survey has found a descriptor on one of the files that needs a closer check. */
  suspect(): void;
}

/** One survey in this many intervals: it costs more than a check and finds threats that have not done harm yet. */
const intervalsPerSurvey = 10;

/** Milliseconds between two surveys while all databases rest. */
const longestSurveyMs = 30_000;

/** Milliseconds without a commit after which a database is checked less often: hundreds of idle ones must cost next to nothing. */
const restAfterMs = 10_000;
/** A database at rest is checked in one of so many intervals. */
const intervalsAtRest = 5;
/** The same after a long rest. */
const longRestAfterMs = 60_000;
const intervalsAtLongRest = 10;

/** Milliseconds until the next check of a database that nothing was committed to for `unusedMs`. Pure. */
export function untilNextCheck(intervalMs: number, unusedMs: number): number {
  if (unusedMs < restAfterMs) return intervalMs;
  return intervalMs * (unusedMs < longRestAfterMs ? intervalsAtRest : intervalsAtLongRest);
}

/** Milliseconds until the next survey: `intervalMs` is the shortest of all databases, `delayMs` the shortest that one waits now. Pure. */
export function untilNextSurvey(intervalMs: number, delayMs: number): number {
  return Math.max(intervalMs * intervalsPerSurvey, Math.min(delayMs * intervalsPerSurvey, longestSurveyMs));
}

/** Members whose files are listed between two readings of the clock. */
const listedAtOnce = 16;

/** The part of a member in the rounds. */
export interface RoundSeat {
  /** A database at rest is in use again: its checks return to their interval. Costs nothing otherwise. */
  wake(): void;
  leave(): void;
}

class SentinelRounds {
  /** With the milliseconds between two checks of each, now. */
  readonly #members = new Map<RoundMember, number>();
  readonly #survey = new Survey();
  /** Collects the files of the next survey, which takes the map when it begins. */
  #watched = new Map<string, WatchedRole>();
  #unlisted: Iterator<RoundMember> | null = null;
  readonly #surveys: Round = joinRounds(endOfTurn => this.#goOn(endOfTurn));

  join(member: RoundMember): RoundSeat {
    this.#members.set(member, member.intervalMs);
    let usedAt = performance.now();
    let rests = false;
    const round = joinRounds(() => {
      const now = performance.now();
      if (member.takeUse()) usedAt = now;
      const delayMs = untilNextCheck(member.intervalMs, now - usedAt);
      rests = delayMs > member.intervalMs;
      this.#members.set(member, delayMs);
      round.in(delayMs);
      member.check();
    });
    // Randomized: 600 databases that are opened together must not be checked together.
    round.in(member.intervalMs * (0.5 + Math.random() / 2));
    this.#surveyWithin(member.intervalMs);
    return {
      wake: () => {
        if (!rests) return;
        rests = false;
        if (round.dueAt === Number.POSITIVE_INFINITY) return;
        this.#members.set(member, member.intervalMs);
        round.in(member.intervalMs);
        this.#surveyWithin(member.intervalMs * intervalsPerSurvey);
      },
      leave: () => {
        round.stop();
        this.#members.delete(member);
        if (this.#members.size > 0) return;
        this.#surveys.stop();
        this.#survey.abort();
        this.#unlisted = null;
        this.#watched = new Map();
      },
    };
  }

  #surveyWithin(ms: number): void {
    if (performance.now() + ms < this.#surveys.dueAt) this.#surveys.in(ms);
  }

  #goOn(endOfTurn: number): void {
    if (!this.#survey.isRunning) {
      if (!this.#list(endOfTurn)) return this.#surveys.in(0);
      this.#survey.begin(this.#watched);
      this.#watched = new Map();
    }
    const suspects = this.#survey.goOn(endOfTurn);
    if (suspects === null) return this.#surveys.in(0);
    let shortestMs = Number.POSITIVE_INFINITY;
    let shortestDelayMs = Number.POSITIVE_INFINITY;
    for (const [{ intervalMs }, delayMs] of this.#members) {
      shortestMs = Math.min(shortestMs, intervalMs);
      shortestDelayMs = Math.min(shortestDelayMs, delayMs);
    }
    this.#surveys.in(untilNextSurvey(shortestMs, shortestDelayMs));
    if (suspects.size > 0) this.#tell(suspects);
  }

  /** Continues the list of the files that a survey looks for until `endOfTurn`. True once it is complete. */
  #list(endOfTurn: number): boolean {
    const unlisted = (this.#unlisted ??= this.#members.keys());
    for (let listed = 1; ; listed++) {
      const next = unlisted.next();
      if (next.done === true) break;
      for (const [file, role] of next.value.watched()) this.#watched.set(identityKey(file), role);
      if (listed % listedAtOnce === 0 && performance.now() > endOfTurn) return false;
    }
    this.#unlisted = null;
    return true;
  }

  #tell(suspects: ReadonlySet<string>): void {
    for (const member of this.#members.keys()) {
      for (const [file] of member.watched()) {
        if (!suspects.has(identityKey(file))) continue;
        member.suspect();
        break;
      }
    }
  }
}

const rounds = processGlobal('sentinel-rounds', 4, () => new SentinelRounds());

/** Checks the member at its interval, and less often while nothing is committed, on a timer that keeps no process alive. */
export function joinSentinelRounds(member: RoundMember): RoundSeat {
  return rounds.join(member);
}
