/**
 * Runs what many databases do again and again on one timer of the thread: tasks that are due close together share a
 * wake-up, and a wake-up ends after some milliseconds.
 */
import { clearTimeout, performance, setTimeout } from './clock';
import { processGlobal } from './process-global';

/** Milliseconds of work after which the event loop gets its turn; the rest follows in the next one. */
const turnMs = 4;
/** Milliseconds. Tasks that are due this close together share a wake-up: at most a twentieth of their delay apart. */
const longestGatherMs = 250;

export interface Round {
  /** Runs the task in `ms` milliseconds, give or take a fortieth; an earlier date is given up. */
  in(ms: number): void;
  /** Milliseconds of the monotonic clock at which the task is due; infinite while no date is set. */
  readonly dueAt: number;
  stop(): void;
}

/** `endOfTurn`: milliseconds of the monotonic clock at which a long task returns and asks for another turn. */
export type RoundTask = (endOfTurn: number) => void;

class Task implements Round {
  dueAt = Number.POSITIVE_INFINITY;
  readonly run: RoundTask;
  readonly #rounds: Rounds;

  constructor(rounds: Rounds, run: RoundTask) {
    this.#rounds = rounds;
    this.run = run;
  }

  in(ms: number): void {
    this.stop();
    const gatherMs = Math.max(1, Math.min(longestGatherMs, Math.floor(ms / 20)));
    this.dueAt = Math.round((performance.now() + ms) / gatherMs) * gatherMs;
    this.#rounds.add(this);
  }

  stop(): void {
    this.#rounds.remove(this);
    this.dueAt = Number.POSITIVE_INFINITY;
  }
}

/** The tasks by their dates, which are few: those of one delay fall on twenty of them. */
class Rounds {
  readonly #dates = new Map<number, Set<Task>>();
  #timer: NodeJS.Timeout | null = null;
  #wakesAt = Number.POSITIVE_INFINITY;

  join(run: RoundTask): Round {
    return new Task(this, run);
  }

  add(task: Task): void {
    const date = this.#dates.get(task.dueAt);
    if (date === undefined) this.#dates.set(task.dueAt, new Set([task]));
    else date.add(task);
    if (task.dueAt < this.#wakesAt) this.#sleep(task.dueAt);
  }

  remove(task: Task): void {
    const date = this.#dates.get(task.dueAt);
    if (date?.delete(task) !== true || date.size > 0) return;
    this.#dates.delete(task.dueAt);
    if (this.#dates.size === 0) this.#sleep(Number.POSITIVE_INFINITY);
  }

  #sleep(until: number): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    this.#wakesAt = until;
    if (until === Number.POSITIVE_INFINITY) return;
    this.#timer = setTimeout(() => this.#wake(), Math.max(1, until - performance.now())).unref();
  }

  #wake(): void {
    this.#timer = null;
    // A timer counts from the beginning of its turn, and may be early by that.
    const now = Math.max(performance.now(), this.#wakesAt);
    // What is added meanwhile does not set the timer.
    this.#wakesAt = Number.NEGATIVE_INFINITY;
    const endOfTurn = performance.now() + turnMs;
    try {
      for (let task = this.#next(now); task !== null && performance.now() < endOfTurn; task = this.#next(now)) {
        task.stop();
        task.run(endOfTurn);
      }
    } finally {
      let first = Number.POSITIVE_INFINITY;
      for (const dueAt of this.#dates.keys()) first = Math.min(first, dueAt);
      this.#sleep(first);
    }
  }

  /** The one that is due for the longest time; null when none is due. */
  #next(now: number): Task | null {
    let first = now;
    let found: Set<Task> | null = null;
    for (const [dueAt, tasks] of this.#dates) {
      if (dueAt > first) continue;
      first = dueAt;
      found = tasks;
    }
    for (const task of found ?? []) return task;
    return null;
  }
}

const rounds = processGlobal('rounds', 1, () => new Rounds());

/** Adds a task to the rounds of this thread, which keep no process alive. It runs once for each `in`. */
export function joinRounds(run: RoundTask): Round {
  return rounds.join(run);
}
