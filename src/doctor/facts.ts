/** Defines the facts of each step, as JSON carries them from the examining process. */
import type { FenceMarker } from '../filesystem/fence-marker';
import type { Device } from '../filesystem/linux/device';
import type { Ownership } from '../filesystem/ownership';
import type { PreflightFacts } from '../filesystem/preflight-facts';
import type { FilesystemReport } from '../filesystem/report';
import type { Space } from '../filesystem/space';
import type { DatabaseHeader } from '../format/database-header';
import type { RollbackJournal } from '../format/rollback-journal';
import type { WalFile } from '../format/wal-file';
import type { WalIndex } from '../format/wal-index';
import type { ProcessScan } from '../proc/processes';
import type { StoredBackup } from '../backup/folder';

export interface FileFacts {
  readonly database: Ownership | null;
  readonly folder: Ownership | null;
  readonly sidecars: readonly Ownership[];
  readonly preflight: PreflightFacts;
  /** The folder of the database, or the nearest one above it that exists. */
  readonly nearestFolder?: string;
  /** The database and its sidecars, as far as this user may not read them. */
  readonly unreadable?: readonly string[];
  /** Whether some program has the database open, as Windows tells it; absent or `null` on other systems. */
  readonly openOnWindows?: boolean | null;
}

export interface FenceFacts {
  readonly marker: FenceMarker;
  /** The machine has not been rebooted since; `null` if the system does not tell. */
  readonly sameBoot: boolean | null;
}

export interface JournalFacts {
  readonly wal: WalFile | null;
  /** The database was written, or placed there, after the last write to the `-wal`. */
  readonly olderThanDatabase?: boolean;
  /** What stat(2) tells leaves open that the `-wal` belongs to another database. */
  readonly walSuspected?: boolean;
  readonly index: WalIndex | null;
  readonly rollback: RollbackJournal | null;
}

export interface FoundBackup extends StoredBackup {
  /** Current size; the manifest has the original one. */
  readonly bytes: number;
}

export interface BackupFacts {
  /** Folders that were searched. */
  readonly folders: readonly string[];
  /** Oldest first. */
  readonly backups: readonly FoundBackup[];
}

export interface NeighbourFacts {
  /** Copies that the sentinel saved when files were lost under an open connection. */
  readonly rescues: readonly string[];
  /** Old databases that `restore` kept. */
  readonly kept: readonly string[];
  /** Files that look like plain copies of the database, and have no sidecars of their own. */
  readonly copies: readonly string[];
  /** Conflict copies of a synchronizing program, for a file that changed in two places. */
  readonly conflicts: readonly string[];
  /** Unfinished copies of killed backups. */
  readonly leftovers: readonly string[];
}

/** Each step's facts under its name. A step that failed or was not reached has none. */
export interface DoctorFacts {
  readonly ground: FilesystemReport;
  readonly device: Device | null;
  readonly files: FileFacts;
  readonly fence: FenceFacts | null;
  readonly space: Space;
  readonly processes: ProcessScan | null;
  readonly header: DatabaseHeader | null;
  readonly journals: JournalFacts;
  readonly neighbours: NeighbourFacts;
  readonly backups: BackupFacts;
}

export type StepName = keyof DoctorFacts;

export interface GatherRequest {
  readonly path: string;
  /** A folder to search for backups besides the usual ones. */
  readonly backups: string | null;
}

/** Messages of the examining process, one JSON line each. */
export type GatherMessage =
  | { readonly type: 'begin'; readonly step: StepName }
  | { readonly type: 'facts'; readonly step: StepName; readonly facts: unknown }
  | { readonly type: 'failed'; readonly step: StepName; readonly code: string | null; readonly message: string }
  | { readonly type: 'end' };
