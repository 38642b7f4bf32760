/** Defines the result of `diagnose`: findings that a person can act on, their facts, and what was not examined. */
import type { DoctorFacts } from './facts';
import type { Plan } from '../policy/plan';

/**
 * - `'ok'`: examined, and in order
 * - `'note'`: worth knowing, nothing to do
 * - `'warning'`: it works, but act before it does not
 * - `'problem'`: data is or can be lost, or the database cannot be used
 */
export type Level = 'ok' | 'note' | 'warning' | 'problem';

export type Topic =
  | 'fence'
  | 'file'
  | 'journal'
  | 'integrity'
  | 'processes'
  | 'ground'
  | 'device'
  | 'space'
  | 'permissions'
  | 'software'
  | 'backups';

export interface Finding {
  readonly level: Level;
  readonly topic: Topic;
  /** Stable name, for example `'hot-journal'`; docs/doctor.md and `npx safe-sqlite explain` list them all. */
  readonly code: string;
  /** What was found. */
  readonly what: string;
  /** Why it matters; `null` if that is obvious. */
  readonly why: string | null;
  /** What to do now; `null` if there is nothing to do. */
  readonly action: string | null;
  /** Commands that do it, with the names of this database and this device filled in; read them before you run them. */
  readonly commands: readonly string[];
}

/** An object that was not examined, and why. */
export interface NotLookedAt {
  readonly what: string;
  readonly why: string;
}

/** The result of `diagnose`. Frozen and JSON-serializable. */
export interface Diagnosis {
  /** The requested path. */
  readonly path: string;
  /** The file that SQLite would open. */
  readonly file: string;
  /** ISO 8601. */
  readonly time: string;
  /** The gravest level of the findings. */
  readonly status: Level;
  /** The gravest first. */
  readonly findings: readonly Finding[];
  readonly notLookedAt: readonly NotLookedAt[];
  /**
   * The one command to run now, for the gravest finding; `null` if there is nothing to do. It may contain a
   * `<placeholder>` for unknown values.
   */
  readonly next: string | null;
  /** Commands to run if the storage is in doubt, for the device of the database. */
  readonly storageCommands: readonly string[];
  /**
   * How `openDatabase(path)` would open it on this filesystem; `null` if the filesystem is refused, which is a finding.
   */
  readonly plan: Plan | null;
  /** The observations. Steps that failed or hung have no facts. */
  readonly facts: Partial<DoctorFacts>;
}
