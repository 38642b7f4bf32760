/** Checks all sentinels of a thread in shared rounds, and lets one survey of the descriptors serve them all. */
import { performance } from '../base/clock';
import { identityKey, type FileIdentity } from '../base/file-identity';
import { processGlobal } from '../base/process-global';
import { joinRounds, type Round } from '../base/rounds';
import { Survey, type WatchedRole } from './survey';

export interface RoundMember {
  /** Milliseconds between two checks. */
  readonly intervalMs: number;
  /** The files whose descriptors count. */
  watched(): Iterable<readonly [FileIdentity, WatchedRole]>;
  /** The regular check. */
  check(): void;
  /** A survey has found a descriptor on one of the files that needs a closer check. */
  suspect(): void;
}

/** One survey in this many intervals: it costs more than a check and finds threats that have not done harm yet. */
const intervalsPerSurvey = 10;

class SentinelRounds {
  readonly #members = new Set<RoundMember>();
  readonly #survey = new Survey();
  readonly #surveys: Round = joinRounds(endOfTurn => this.#goOn(endOfTurn));

  join(member: RoundMember): () => void {
    this.#members.add(member);
    const round = joinRounds(() => {
      round.in(member.intervalMs);
      member.check();
    });
    // Randomized: 600 databases that are opened together must not be checked together.
    round.in(member.intervalMs * (0.5 + Math.random() / 2));
    if (performance.now() + member.intervalMs < this.#surveys.dueAt) this.#surveys.in(member.intervalMs);
    return () => {
      round.stop();
      this.#members.delete(member);
      if (this.#members.size > 0) return;
      this.#surveys.stop();
      this.#survey.abort();
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

const rounds = processGlobal('sentinel-rounds', 2, () => new SentinelRounds());

/** Checks the member at its interval, on a timer that keeps no process alive. Returns a function that ends it. */
export function joinSentinelRounds(member: RoundMember): () => void {
  return rounds.join(member);
}
