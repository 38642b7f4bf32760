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

/** Milliseconds without a commit after which a database is checked less often: hundreds of idle ones must cost next to nothing. */
const restAfterMs = 10_000;
/** A database at rest is checked in one of so many intervals. */
const intervalsAtRest = 5;

/** Milliseconds until the next check of a database that nothing was committed to for `unusedMs`. Pure. */
export function untilNextCheck(intervalMs: number, unusedMs: number): number {
  return unusedMs < restAfterMs ? intervalMs : intervalMs * intervalsAtRest;
}

/** The part of a member in the rounds. */
export interface RoundSeat {
  /** A database at rest is in use again: its checks return to their interval. Costs nothing otherwise. */
  wake(): void;
  leave(): void;
}

class SentinelRounds {
  readonly #members = new Set<RoundMember>();
  readonly #survey = new Survey();
  readonly #surveys: Round = joinRounds(endOfTurn => this.#goOn(endOfTurn));

  join(member: RoundMember): RoundSeat {
    this.#members.add(member);
    let usedAt = performance.now();
    let rests = false;
    const round = joinRounds(() => {
      const now = performance.now();
      if (member.takeUse()) usedAt = now;
      const delayMs = untilNextCheck(member.intervalMs, now - usedAt);
      rests = delayMs > member.intervalMs;
      round.in(delayMs);
      member.check();
    });
    // Randomized: 600 databases that are opened together must not be checked together.
    round.in(member.intervalMs * (0.5 + Math.random() / 2));
    if (performance.now() + member.intervalMs < this.#surveys.dueAt) this.#surveys.in(member.intervalMs);
    return {
      wake: () => {
        if (!rests) return;
        rests = false;
        if (round.dueAt !== Number.POSITIVE_INFINITY) round.in(member.intervalMs);
      },
      leave: () => {
        round.stop();
        this.#members.delete(member);
        if (this.#members.size > 0) return;
        this.#surveys.stop();
        this.#survey.abort();
      },
    };
  }

  #goOn(endOfTurn: number): void {
    if (!this.#survey.isRunning) this.#survey.begin(this.#watched());
    const suspects = this.#survey.goOn(endOfTurn);
    if (suspects === null) return this.#surveys.in(0);
    let shortestMs = Number.POSITIVE_INFINITY;
    for (const { intervalMs } of this.#members) shortestMs = Math.min(shortestMs, intervalMs);
    this.#surveys.in(shortestMs * intervalsPerSurvey);
    if (suspects.size > 0) this.#tell(suspects);
  }

  #watched(): ReadonlyMap<string, WatchedRole> {
    const watched = new Map<string, WatchedRole>();
    for (const member of this.#members) {
      for (const [file, role] of member.watched()) watched.set(identityKey(file), role);
    }
    return watched;
  }

  #tell(suspects: ReadonlySet<string>): void {
    for (const member of this.#members) {
      for (const [file] of member.watched()) {
        if (!suspects.has(identityKey(file))) continue;
        member.suspect();
        break;
      }
    }
  }
}

const rounds = processGlobal('sentinel-rounds', 3, () => new SentinelRounds());

/** Checks the member at its interval, and less often while nothing is committed, on a timer that keeps no process alive. */
export function joinSentinelRounds(member: RoundMember): RoundSeat {
  return rounds.join(member);
}
