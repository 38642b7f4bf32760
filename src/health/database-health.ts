/** The type of `db.health()`; apart from what gathers it, because public types lead here. */
import type { Health } from './health';
import type { WriteQueueFacts } from '../writes/counters';

export type DatabaseHealth = Health<WriteQueueFacts>;
