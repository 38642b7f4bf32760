/** Defines the input of the verdicts, and the questions that several of them ask. */
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

/** The file begins as a database, has a valid header and its whole length: SQLite can be asked about it. */
export function isReadable(input: CheckInput): boolean {
  const { header } = input.facts;
  return header?.kind === 'database' && header.damage === null && !isCutOff(input);
}

/** SQLite can read it where it stands, which a backup and a check need. */
export function canBeRead(input: CheckInput): boolean {
  const { ground, header, journals, space } = input.facts;
  if (!isReadable(input) || ground?.verdict === 'refuse') return false;
  // A database in WAL mode is read through a -wal and a -shm, which have to be made where there are none.
  const hasSidecars = journals?.wal !== null && journals?.index !== null;
  const canMake =
    ground?.verdict !== 'read-only' && !(space !== undefined && space.totalInodes > 0 && space.freeInodes === 0);
  return header?.journalMode !== 'wal' || hasSidecars || canMake;
}

/** While somebody writes, or frames wait in the WAL, the file may be shorter than its first page says. */
export function isCutOff(input: CheckInput): boolean {
  const { header, journals } = input.facts;
  if (header === undefined || header === null || header.damage !== null || header.pages === null) return false;
  const waits = (journals?.wal?.committedFrames ?? 0) > 0 || journals?.rollback?.kind === 'header';
  return !waits && !isHeld(input) && header.fileBytes < header.pages * header.pageSize;
}

/**
 * Every process that can have the database open is visible from here: no other user's, no other container's, no other
 * machine's.
 */
export function seesEveryProcess({ facts: { processes, ground } }: CheckInput): boolean {
  if (processes === undefined || processes === null || processes.unseenProcesses > 0) return false;
  if (ground === undefined || !ownKernel.has(ground.class)) return false;
  // Another container can mount a volume, but not the layer of this one.
  return ground.sandbox.container === null || (ground.class === 'union' && ground.mountPoint === '/');
}

/** Only this kernel's processes reach files there. */
const ownKernel: ReadonlySet<string> = new Set(['local', 'memory', 'union', 'read-only']);

/** Whether a process that was seen has the database itself open. */
export function isHeld({ facts }: CheckInput): boolean {
  return (
    facts.processes?.processes.some(({ files }) => files.some(({ role, gone }) => role === 'database' && !gone)) ===
    true
  );
}
