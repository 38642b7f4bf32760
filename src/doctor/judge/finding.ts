/** Short ways to write a finding down. Pure. */
import type { Finding, Level, Topic } from '../diagnosis';

export interface Advice {
  readonly why?: string;
  readonly action?: string;
  readonly commands?: readonly string[];
}

/** A finding of one topic; what is left out is `null` or empty. */
export function finding(level: Level, topic: Topic, code: string, what: string, advice: Advice = {}): Finding {
  const { why = null, action = null, commands = [] } = advice;
  return { level, topic, code, what, why, action, commands };
}
