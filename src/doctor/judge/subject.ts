/** What the verdicts know beside the facts. */
import type { DoctorFacts } from '../facts';
import type { Decision } from '../../policy/decide';

export interface CheckInput {
  /** Canonical path of the database. */
  readonly file: string;
  readonly facts: Partial<DoctorFacts>;
  /** Milliseconds since 1970. */
  readonly now: number;
  /** Of the one who asks; `null` on Windows. */
  readonly uid: number | null;
  readonly platform: NodeJS.Platform;
  /** What the SQLite is that this library opens files with. */
  readonly sqliteVersion: string;
  /** How an open with the default options would be decided; `null` where the ground is not known. */
  readonly decision: Decision | null;
  /** A folder with backups was named. */
  readonly backupsGiven: boolean;
}

/** Whether a process that was seen has the database itself open. */
export function isHeld({ facts }: CheckInput): boolean {
  return (
    facts.processes?.processes.some(({ files }) => files.some(({ role, gone }) => role === 'database' && !gone)) ===
    true
  );
}
