/**
 * Runs the one timer of all sentinels of a thread: their checks are spread over time, and one survey serves them all.
 */
import { clearTimeout, performance, setTimeout } from '../base/clock';
import { identityKey, type FileIdentity } from '../base/file-identity';
import { processGlobal } from '../base/process-global';
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

interface Entry {
  readonly member: RoundMember;
  /** Milliseconds of the monotonic clock. */
  dueAt: number;
}

/** Milliseconds of work after which the event loop gets its turn; the rest follows in the next one. */
const turnMs = 4;
/**
 * Milliseconds. Checks that are due this close together share a wake-up: at most a twentieth of the shortest interval.
 */
const longestGatherMs = 50;
/** One survey in this many intervals: it costs more than a check and finds threats that have not done harm yet. */
const intervalsPerSurvey = 10;

class Rounds {
  readonly #entries = new Set<Entry>();
  readonly #survey = new Survey();
  #timer: NodeJS.Timeout | null = null;
  #wakesAt = Number.POSITIVE_INFINITY;
  /** Milliseconds of the monotonic clock. */
  #surveyAt = Number.POSITIVE_INFINITY;

  join(member: RoundMember): () => void {
    const now = performance.now();
    // Randomized: 600 databases that are opened together must not be checked together.
    const entry = { member, dueAt: now + member.intervalMs * (0.5 + Math.random() / 2) };
    this.#entries.add(entry);
    this.#surveyAt = Math.min(this.#surveyAt, now + member.intervalMs);
    this.#sleep(now);
    return () => {
      this.#entries.delete(entry);
      if (this.#entries.size > 0) return;
      if (this.#timer !== null) clearTimeout(this.#timer);
      this.#timer = null;
      this.#wakesAt = Number.POSITIVE_INFINITY;
      this.#surveyAt = Number.POSITIVE_INFINITY;
      this.#survey.abort();
    };
  }

  #shortestMs(): number {
    let shortest = Number.POSITIVE_INFINITY;
    for (const { member } of this.#entries) shortest = Math.min(shortest, member.intervalMs);
    return shortest;
  }

  #sleep(now: number): void {
    let next = this.#survey.isRunning ? now : this.#surveyAt;
    for (const { dueAt } of this.#entries) next = Math.min(next, dueAt);
    const wakesAt = Math.max(next, now + Math.min(longestGatherMs, this.#shortestMs() / 20));
    if (this.#timer !== null && this.#wakesAt <= wakesAt) return;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#wakesAt = wakesAt;
    this.#timer = setTimeout(() => this.#wake(), wakesAt - now).unref();
  }

  #wake(): void {
    this.#timer = null;
    this.#wakesAt = Number.POSITIVE_INFINITY;
    const started = performance.now();
    const endOfTurn = started + turnMs;
    for (const entry of this.#entries) {
      if (entry.dueAt > started) continue;
      if (performance.now() > endOfTurn) break;
      entry.dueAt = started + entry.member.intervalMs;
      // Moved to the end of the set: the longest waiting member is served first, even if a turn ends early.
      this.#entries.delete(entry);
      this.#entries.add(entry);
      entry.member.check();
    }
    this.#surveyOn(started, endOfTurn);
    if (this.#entries.size > 0) this.#sleep(performance.now());
  }

  #surveyOn(now: number, endOfTurn: number): void {
    if (!this.#survey.isRunning) {
      if (now < this.#surveyAt || this.#entries.size === 0) return;
      this.#surveyAt = now + this.#shortestMs() * intervalsPerSurvey;
      const watched = new Map<string, WatchedRole>();
      for (const { member } of this.#entries) {
        for (const [file, role] of member.watched()) watched.set(identityKey(file), role);
      }
      this.#survey.begin(watched);
    }
    const suspects = this.#survey.goOn(endOfTurn);
    if (suspects === null || suspects.size === 0) return;
    for (const { member } of this.#entries) {
      for (const [file] of member.watched()) {
        if (!suspects.has(identityKey(file))) continue;
        member.suspect();
        break;
      }
    }
  }
}

const rounds = processGlobal('sentinel-rounds', 1, () => new Rounds());

/** Checks the member at its interval, on a timer that keeps no process alive. Returns a function that ends it. */
export function joinRounds(member: RoundMember): () => void {
  return rounds.join(member);
}
