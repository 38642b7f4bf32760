/** One wait of the queue: how long something has been in the way, and which writes have waited long enough. */
import { performance } from '../base/clock';
import type { EventHub } from '../events/event-hub';
import type { ResolvedWrites } from '../options/resolved';
import type { BlockedBy, Waited } from './blocked-by';
import type { QueuedWrite } from './queued-write';

/**
 * A transaction or iterator that is held open for longer is told as `longTransaction`, in milliseconds: no request
 * should take so long, and nothing is written meanwhile.
 */
const longHoldMs = 1000;

export class RetryBudget {
  readonly #limits: ResolvedWrites;
  readonly #since = performance.now();
  readonly #triesBefore: number;
  #tries: number;
  #told: BlockedBy['kind'] | null = null;

  /** `triesBefore` are those of the waits that are over. */
  constructor(limits: ResolvedWrites, triesBefore: number) {
    this.#limits = limits;
    this.#triesBefore = triesBefore;
    this.#tries = triesBefore;
  }

  /** Tries that met an obstacle, those of the waits that are over included. */
  get tries(): number {
    return this.#tries;
  }

  tried(): void {
    this.#tries += 1;
  }

  /** What was waited for one write: it counts neither what was before it came, nor a wait that is over. */
  of(write: QueuedWrite): Waited {
    return {
      attempts: this.#tries - Math.max(this.#triesBefore, write.triesBefore),
      waitedMs: performance.now() - Math.max(this.#since, write.queuedAt),
    };
  }

  /** What is left for one write. */
  leftOf(write: QueuedWrite): { readonly retries: number; readonly budgetMs: number } {
    const { attempts, waitedMs } = this.of(write);
    return {
      retries: Math.max(0, this.#limits.retries + 1 - attempts),
      budgetMs: Math.max(0, this.#limits.timeoutMs - waitedMs),
    };
  }

  isSpent(write: QueuedWrite): boolean {
    const { retries, budgetMs } = this.leftOf(write);
    return retries === 0 || budgetMs === 0;
  }

  /** Tells the listeners what the queue is about to wait for. */
  tell(hub: EventHub, { kind, sql, openedAt, error }: BlockedBy, delayMs: number): void {
    const now = performance.now();
    const waitedMs = now - this.#since;
    const attempt = this.#tries - this.#triesBefore;
    if (error !== null) hub.publish('busy', { code: error.code, attempt, delayMs, waitedMs });
    if (kind === 'connection' || kind === this.#told) return;
    const ageMs = now - (openedAt ?? this.#since);
    if (ageMs < longHoldMs) return;
    this.#told = kind;
    hub.publish('longTransaction', { kind, ageMs, sql });
  }
}
