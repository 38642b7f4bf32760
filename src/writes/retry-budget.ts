/** Tracks one wait of the queue: how long it has been blocked, and which writes have used up their budget. */
import { performance } from '../base/clock';
import type { EventHub } from '../events/event-hub';
import type { ResolvedWrites } from '../options/resolved';
import type { BlockedBy, Waited } from './blocked-by';
import type { QueuedWrite } from './queued-write';

/**
 * A transaction or iterator that is held open for longer is reported as `longTransaction`, in milliseconds: no request
 * should take so long, and no write runs meanwhile.
 */
const longHoldMs = 1000;

export class RetryBudget {
  readonly #limits: ResolvedWrites;
  readonly #since = performance.now();
  readonly #triesBefore: number;
  #tries: number;
  #told: BlockedBy['kind'] | null = null;

  /** `triesBefore`: attempts of earlier waits. */
  constructor(limits: ResolvedWrites, triesBefore: number) {
    this.#limits = limits;
    this.#triesBefore = triesBefore;
    this.#tries = triesBefore;
  }

  /** Blocked attempts, including those of earlier waits. */
  get tries(): number {
    return this.#tries;
  }

  tried(): void {
    this.#tries += 1;
  }

  /** Returns the wait of one write: it excludes time before the write arrived, and earlier waits. */
  of(write: QueuedWrite): Waited {
    return {
      attempts: this.#tries - Math.max(this.#triesBefore, write.triesBefore),
      waitedMs: performance.now() - Math.max(this.#since, write.queuedAt),
    };
  }

  /** Returns the remaining budget of one write. */
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

  /** Notifies the listeners of the coming wait. */
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
