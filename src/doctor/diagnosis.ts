/** Defines what `diagnose` returns: findings that a person can act on, the facts behind them, and what was not looked at. */
import type { DoctorFacts } from './facts';
import type { Plan } from '../policy/plan';

/**
 * - `'ok'`: looked at, and as it should be
 * - `'note'`: worth to know, nothing to do
 * - `'warning'`: it works, and somebody should act before it does not
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
  /** Stable name, for example `'hot-journal'`; docs/doctor.md and `npx safe-sqlite explain` have them all. */
  readonly code: string;
  /** What was found. */
  readonly what: string;
  /** Why it matters; `null` where that is plain. */
  readonly why: string | null;
  /** What to do now; `null` where there is nothing. */
  readonly action: string | null;
  /** Commands that do it, with the names of this database and this device filled in; to be read before they are run. */
  readonly commands: readonly string[];
}

/** Something that was not looked at, and why. */
export interface NotLookedAt {
  readonly what: string;
  readonly why: string;
}

/** What `diagnose` says. Frozen, and JSON can carry it. */
export interface Diagnosis {
  /** The path that was asked for. */
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
   * The one command to run now, for the gravest finding; `null` where nothing is to be done. It may hold a `<placeholder>`
   * for what cannot be known here.
   */
  readonly next: string | null;
  /** What to run when the storage is in doubt, for the device that the database stands on. */
  readonly storageCommands: readonly string[];
  /** How `openDatabase(path)` would open it on this ground; `null` where the ground is refused, which is a finding. */
  readonly plan: Plan | null;
  /** What was seen. Steps that failed or hung have no facts. */
  readonly facts: Partial<DoctorFacts>;
}
