/** The catalogue of this library's own refusals: one row a class. docs/errors.md has one heading for each code. */

interface RefusalRow {
  readonly code: `SAFE_SQLITE_${string}`;
  readonly retryable: boolean;
  readonly fatal: boolean;
  /** The hint when the place that throws has none that fits better. */
  readonly hint: string;
}

export const refusalCodes = {
  InvalidOptionError: {
    code: 'SAFE_SQLITE_INVALID_OPTION',
    retryable: false,
    fatal: false,
    hint: 'Correct the option; docs/options.md lists every option with its values.',
  },
  UnsafeFilesystemError: {
    code: 'SAFE_SQLITE_UNSAFE_FILESYSTEM',
    retryable: false,
    fatal: false,
    hint: 'Move the database to a local filesystem of this machine.',
  },
  HardLinkedDatabaseError: {
    code: 'SAFE_SQLITE_HARD_LINKED_DATABASE',
    retryable: false,
    fatal: false,
    hint: 'Leave the database exactly one name: remove the other hard links, or use symbolic links instead.',
  },
  OrphanedJournalError: {
    code: 'SAFE_SQLITE_ORPHANED_JOURNAL',
    retryable: false,
    fatal: false,
    hint: 'Put the database back beside its journal, or move the journal away after you are sure it is not needed.',
  },
  UnsafeSqliteVersionError: {
    code: 'SAFE_SQLITE_UNSAFE_SQLITE_VERSION',
    retryable: false,
    fatal: false,
    hint: 'Update better-sqlite3 to a version whose SQLite has the fix.',
  },
  SqliteCopyConflictError: {
    code: 'SAFE_SQLITE_COPY_CONFLICT',
    retryable: false,
    fatal: false,
    hint: 'Let only one copy of SQLite in this process open the file.',
  },
  InstanceConflictError: {
    code: 'SAFE_SQLITE_INSTANCE_CONFLICT',
    retryable: false,
    fatal: false,
    hint: 'Open the file with the same settings everywhere, or use `new Database()` for a connection of its own.',
  },
  UnsafeStatementError: {
    code: 'SAFE_SQLITE_UNSAFE_STATEMENT',
    retryable: false,
    fatal: false,
    hint: 'Leave the statement out, or use the option that the message names.',
  },
  UnprovedProtectionError: {
    code: 'SAFE_SQLITE_UNPROVED_PROTECTION',
    retryable: false,
    fatal: false,
    hint: 'Check the build of SQLite inside better-sqlite3, and what else sets pragmas on this connection.',
  },
  LocksLostError: {
    code: 'SAFE_SQLITE_LOCKS_LOST',
    retryable: false,
    fatal: true,
    hint: 'Restart the process, after you removed what opens the database file behind the back of SQLite.',
  },
  FileReplacedError: {
    code: 'SAFE_SQLITE_FILE_REPLACED',
    retryable: false,
    fatal: true,
    hint: 'Compare the rescued copy with the file that stands there now, then restart the process.',
  },
  FencedDatabaseError: {
    code: 'SAFE_SQLITE_FENCED',
    retryable: false,
    fatal: true,
    hint: 'Look at the storage first; docs/fencing.md says how to bring the database back.',
  },
  BackupError: {
    code: 'SAFE_SQLITE_BACKUP_FAILED',
    retryable: false,
    fatal: false,
    hint: 'The destination is as it was before. Look at the cause, then back up again.',
  },
  RestoreError: {
    code: 'SAFE_SQLITE_RESTORE_FAILED',
    retryable: false,
    fatal: false,
    hint: 'The database is as it was before. Look at the cause, then restore again.',
  },
  MaintenanceError: {
    code: 'SAFE_SQLITE_MAINTENANCE_FAILED',
    retryable: true,
    fatal: false,
    hint: 'Nothing was changed by the job that failed; the next one starts a new worker thread.',
  },
  WriteQueueFullError: {
    code: 'SAFE_SQLITE_WRITE_QUEUE_FULL',
    retryable: true,
    fatal: false,
    hint: 'Shed load (HTTP 503), or raise `writes.maxQueued`.',
  },
  ClosedDatabaseError: {
    code: 'SAFE_SQLITE_CLOSED',
    retryable: false,
    fatal: true,
    hint: 'Open the database again, or close it later.',
  },
} as const satisfies Record<string, RefusalRow>;

export type RefusalName = keyof typeof refusalCodes;

/** Every code that begins with `SAFE_SQLITE_`. */
export type SafeSqliteErrorCode = (typeof refusalCodes)[RefusalName]['code'];
