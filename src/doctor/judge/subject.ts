/** Defines the input of the verdicts, and questions that several of them share. */
import type { DoctorFacts } from '../facts';
import type { Decision } from '../../policy/decide';

export interface CheckInput {
  /** Canonical path of the database. */
  readonly file: string;
  readonly facts: Partial<DoctorFacts>;
  /** Milliseconds since 1970. */
  readonly now: number;
  /** Of the current user; `null` on Windows. */
  readonly uid: number | null;
  readonly platform: NodeJS.Platform;
  /** The SQLite version with which this library opens files. */
  readonly sqliteVersion: string;
  /** The decision for an open with the default options; `null` if the filesystem is unknown. */
  readonly decision: Decision | null;
  /** The caller named a folder with backups. */
  readonly backupsGiven: boolean;
}

/** True if the file has the signature, a valid header and its whole length: SQLite can read it. */
export function isReadable(input: CheckInput): boolean {
  const { header } = input.facts;
  return header?.kind === 'database' && header.damage === null && !isCutOff(input);
}

/** True if SQLite can read it in place, which a backup and a check need. */
export function canBeRead(input: CheckInput): boolean {
  const { ground, header, journals, space } = input.facts;
  if (!isReadable(input) || ground?.verdict === 'refuse') return false;
  // A read would have to play it back first, which takes a right to write.
  if (journals?.rollback?.kind === 'header' && !isHeld(input)) return false;
  // A database in WAL mode is read through a -wal and a -shm, which have to be created if missing.
  const hasSidecars = journals?.wal !== null && journals?.index !== null;
  const canMake =
    ground?.verdict !== 'read-only' && !(space !== undefined && space.totalInodes > 0 && space.freeInodes === 0);
  return header?.journalMode !== 'wal' || hasSidecars || canMake;
}

/** During a write, or with frames pending in the WAL, the file may be shorter than its first page says. */
export function isCutOff(input: CheckInput): boolean {
  const { header, journals } = input.facts;
  if (header === undefined || header === null || header.damage !== null || header.pages === null) return false;
  const waits = (journals?.wal?.committedFrames ?? 0) > 0 || journals?.rollback?.kind === 'header';
  return !waits && !isHeld(input) && header.fileBytes < header.pages * header.pageSize;
}

/** True if every process that can have the database open is visible: no other user's, container's or machine's. */
export function seesEveryProcess({ facts: { files, processes, ground } }: CheckInput): boolean {
  // Windows answers for all programs at once.
  if (typeof files?.openOnWindows === 'boolean') return true;
  if (processes === undefined || processes === null || processes.unseenProcesses > 0) return false;
  if (ground === undefined || !ownKernel.has(ground.class)) return false;
  // Another container can mount a volume, but not the layer of this one.
  if (ground.class === 'union' && ground.mountPoint === '/') return true;
  return ground.sandbox.container === null && processes.wholeMachine !== false;
}

/** Only this kernel's processes reach files there. */
const ownKernel: ReadonlySet<string> = new Set(['local', 'memory', 'union', 'read-only']);

/** True if a visible process has the database itself open. */
export function isHeld({ facts }: CheckInput): boolean {
  return (
    facts.files?.openOnWindows === true ||
    facts.processes?.processes.some(({ files }) => files.some(({ role, gone }) => role === 'database' && !gone)) ===
      true
  );
}
