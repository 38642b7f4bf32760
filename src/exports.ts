/** The public surface: named exports only. `scripts/entries.mjs` makes the entry files of it. */

export { Database, type DatabaseConstructor } from './database/constructor';
export { openDatabase } from './database/open-database';
export { closeAllDatabases } from './open/close-all';
export { metricsText } from './health/prometheus';
export { restoreDatabase } from './database/restore';
export { clearFence, readFence, type ClearedFence, type ClearFenceOptions } from './fence/clear-fence';
export type { FenceMarker } from './filesystem/fence-marker';
export type { CheckpointMode, CheckpointResult } from './maintenance/messages';
export { verifyDatabase, type VerifyOptions, type VerifyReport } from './backup/verify';
export type { SnapshotOptions, SnapshotOutcome } from './backup/snapshot';
export type { DatabaseHealth } from './health/health';
export type { RestoreOptions, RestoreReport } from './backup/restore/restore';
export { diagnose, type DiagnoseOptions } from './doctor/diagnose';
export type { Diagnosis, Finding, Level, NotLookedAt, Topic } from './doctor/diagnosis';
export { inspectFilesystem } from './filesystem/inspect';
export { installProcessGuard } from './process-guard/install';

export type {
  CheckpointOptions,
  DangerousOptions,
  Options,
  ReaderOptions,
  ScheduledBackupOptions,
  SentinelOptions,
  WriteOptions,
} from './options/options';
export type {
  AggregateOptions,
  BackupMetadata,
  ColumnDefinition,
  PragmaOptions,
  RegistrationOptions,
  RunResult,
  SerializeOptions,
  StatementFor as Statement,
  Transaction,
  VirtualTableOptions,
} from './connection/types';
export type { WritePriority } from './writes/priority-queue';
export type { WriteCallOptions } from './writes/queued-write';
export type { DatabaseReader, SnapshotReader } from './readers/database-reader';
export type { QueryOptions, SnapshotReadOptions } from './readers/call-options';
export type { BindArguments, BindValue, RowForm } from './readers/messages';
export type { ReaderFacts } from './readers/counters';
export type { Histogram } from './base/histogram';
export type { WriteQueueFacts } from './writes/counters';
export type { FilesystemErrors } from './filesystem/linux/error-counters';
export type { Plan, PlanWarning } from './policy/plan';
export type { FilesystemReport } from './filesystem/report';
export type { BackupOptions } from './backup/options';
export type { BackupResult } from './backup/options';
export type { Logger } from './events/logger';
export type {
  BackupEvent,
  BackupFailedEvent,
  BusyEvent,
  CheckpointBlockedEvent,
  CheckpointEvent,
  CheckpointFailedEvent,
  DatabaseEmitter,
  DatabaseEvents,
  EventFacts,
  FencedEvent,
  FileReplacedEvent,
  LocksLostEvent,
  LongTransactionEvent,
  QueryTimeoutEvent,
  ReaderLostEvent,
  RunningRead,
  WarningEvent,
} from './events/event-map';

export type { ErrorContext, ErrorFacts } from './errors/error-facts';
export type { SafeSqliteErrorCode } from './errors/refusal-codes';
export type { SqliteResultCode } from './errors/result-codes';
export type { CommitOutcome, SqliteErrorContext } from './errors/sqlite-errors';
export { SqliteError, type SqliteErrorConstructor } from './native/sqlite-error';
export {
  BackupError,
  ClosedDatabaseError,
  FencedDatabaseError,
  FileReplacedError,
  HardLinkedDatabaseError,
  InstanceConflictError,
  InvalidOptionError,
  LocksLostError,
  MaintenanceError,
  OrphanedJournalError,
  QueryTimeoutError,
  ReaderError,
  ReadQueueFullError,
  RestoreError,
  ResultTooLargeError,
  SafeSqliteError,
  SqliteCopyConflictError,
  UnprovedProtectionError,
  UnsafeFilesystemError,
  UnsafeSqliteVersionError,
  UnsafeStatementError,
  UntrustedFileError,
  WriteQueueFullError,
} from './errors/refusals';
export {
  SqliteAuthError,
  SqliteBusyError,
  SqliteBusyRecoveryError,
  SqliteBusySnapshotError,
  SqliteCantOpenError,
  SqliteCheckError,
  SqliteConstraintError,
  SqliteCorruptError,
  SqliteFileLockError,
  SqliteForeignKeyError,
  SqliteFsyncError,
  SqliteFullError,
  SqliteInterruptError,
  SqliteIoError,
  SqliteLockedError,
  SqliteMisuseError,
  SqliteNotADatabaseError,
  SqliteNotNullError,
  SqliteOutOfMemoryError,
  SqliteProtocolError,
  SqliteReadError,
  SqliteReadonlyError,
  SqliteResultError,
  SqliteSchemaError,
  SqliteSharedMemoryError,
  SqliteTooBigError,
  SqliteUniqueError,
  SqliteWriteError,
} from './errors/sqlite-errors';
