/** Builds findings of the catalogue. Pure. */
import type { Finding, Level } from '../diagnosis';
import { findingCodes, type FindingCode } from '../finding-codes';

export interface Advice {
  readonly why?: string;
  readonly action?: string;
  readonly commands?: readonly string[];
}

/** Builds a finding of the catalogue; omitted fields are `null` or empty. */
export function finding(level: Level, code: FindingCode, what: string, advice: Advice = {}): Finding {
  const { why = null, action = null, commands = [] } = advice;
  return { level, topic: findingCodes[code].topic, code, what, why, action, commands };
}
