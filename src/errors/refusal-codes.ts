/** Lists this library's own errors, one row per class. docs/errors.md has a heading for each code. */

interface RefusalRow {
  readonly code: `SAFE_SQLITE_${string}`;
  readonly retryable: boolean;
  readonly fatal: boolean;
  /** What happened, in one sentence. */
  readonly meaning: string;
  /** The default hint, used when the throwing code has no better one. */
  readonly hint: string;
}

export const refusalCodes = {
  InvalidOptionError: {
    code: 'SAFE_SQLITE_INVALID_OPTION',
    retryable: false,
    fatal: false,
    meaning: 'An option is unknown, misspelt, of the wrong type, or contradicts another one. Also a `TypeError`.',
    hint: 'Correct it as the message says; `npx safe-sqlite explain options` lists the options of an open; the API reference has those of every call.',
  },
  UnsafeFilesystemError: {
    code: 'SAFE_SQLITE_UNSAFE_FILESYSTEM',
    retryable: false,
    fatal: false,
    meaning: 'The database is on a filesystem on which SQLite can lose data or locks without an error.',
    hint: 'Move the database to a local filesystem of this machine.',
  },
  HardLinkedDatabaseError: {
    code: 'SAFE_SQLITE_HARD_LINKED_DATABASE',
    retryable: false,
    fatal: false,
    meaning:
      'The database file has more than one name, and SQLite would look for its journal beside each name separately.',
    hint: 'Leave the database exactly one name: remove the other hard links, or use symbolic links instead.',
  },
  OrphanedJournalError: {
    code: 'SAFE_SQLITE_ORPHANED_JOURNAL',
    retryable: false,
    fatal: false,
    meaning:
      'A `-wal` or `-journal` is without its database, or without the super-journal that decides about its transaction; SQLite would delete it, and the transactions in it.',
    hint: 'Put the database back beside its journal, or move the journal away after you are sure it is not needed. If a super-journal is missing, give it its path back: without it the database keeps half of a transaction.',
  },
  UnsafeSqliteVersionError: {
    code: 'SAFE_SQLITE_UNSAFE_SQLITE_VERSION',
    retryable: false,
    fatal: false,
    meaning: 'The SQLite inside better-sqlite3 has a released bug that corrupts databases used in this way.',
    hint: 'Update better-sqlite3 to a version whose SQLite has the fix.',
  },
  SqliteCopyConflictError: {
    code: 'SAFE_SQLITE_COPY_CONFLICT',
    retryable: false,
    fatal: false,
    meaning: 'Another copy of SQLite in this process has the file open; the two do not see the locks of each other.',
    hint: 'Let only one copy of SQLite in this process open the file.',
  },
  InstanceConflictError: {
    code: 'SAFE_SQLITE_INSTANCE_CONFLICT',
    retryable: false,
    fatal: false,
    meaning: '`openDatabase` was called again for an open file, with settings that contradict the first call.',
    hint: 'Open the file with the same settings everywhere, or use `new Database()` for a connection of its own.',
  },
  UnsafeStatementError: {
    code: 'SAFE_SQLITE_UNSAFE_STATEMENT',
    retryable: false,
    fatal: false,
    meaning: 'The SQL would remove a protection of this connection; it was not run.',
    hint: 'Leave the statement out, or use the option that the message names.',
  },
  UnprovedProtectionError: {
    code: 'SAFE_SQLITE_UNPROVED_PROTECTION',
    retryable: false,
    fatal: false,
    meaning: 'A protection was set, but reading it back gave another value; the database was not opened.',
    hint: 'Check the build of SQLite inside better-sqlite3, and what else sets pragmas on this connection.',
  },
  LocksLostError: {
    code: 'SAFE_SQLITE_LOCKS_LOST',
    retryable: false,
    fatal: true,
    meaning:
      'The locks of a live connection are gone, because something in this process opened and closed one of its files.',
    hint: 'Close every connection of this process to the file (`closeAllDatabases()` in each thread) and open it again: no restart is needed. Then remove what opens the file behind the back of SQLite; the process guard refuses such calls of `fs`.',
  },
  FileReplacedError: {
    code: 'SAFE_SQLITE_FILE_REPLACED',
    retryable: false,
    fatal: true,
    meaning: 'The database, or a file that belongs to it, was deleted, renamed or replaced under a live connection.',
    hint: 'Find out what replaced the file, and stop that. Then restart the process: this connection goes on with the old file, which is no longer at the path.',
  },
  FencedDatabaseError: {
    code: 'SAFE_SQLITE_FENCED',
    retryable: false,
    fatal: true,
    meaning:
      'The storage failed in a way after which writes could lose data, so this process no longer touches the file; `cause` is the first fault.',
    hint: 'Check the storage first; `npx safe-sqlite explain SAFE_SQLITE_FENCED` explains how to recover the database.',
  },
  UntrustedFileError: {
    code: 'SAFE_SQLITE_UNTRUSTED_FILE',
    retryable: false,
    fatal: false,
    meaning: 'Another user controls a file, a folder or a link through which this process would read or write.',
    hint: 'Check who owns it and who may write in its folder; `npx safe-sqlite explain security` lists the safe folders.',
  },
  BackupError: {
    code: 'SAFE_SQLITE_BACKUP_FAILED',
    retryable: false,
    fatal: false,
    meaning: 'No verified backup could be made.',
    hint: 'The destination is unchanged. Check the cause, then back up again.',
  },
  RestoreError: {
    code: 'SAFE_SQLITE_RESTORE_FAILED',
    retryable: false,
    fatal: false,
    meaning: 'The database could not be restored.',
    hint: 'The database is unchanged. Check the cause, then restore again.',
  },
  MaintenanceError: {
    code: 'SAFE_SQLITE_MAINTENANCE_FAILED',
    retryable: true,
    fatal: false,
    meaning:
      'A job could not run: its thread or process ended, used more than any sound database needs, or SQLite did not answer as it must.',
    hint: 'Nothing was changed by the job that failed; the next one starts a new thread or process.',
  },
  WriteQueueFullError: {
    code: 'SAFE_SQLITE_WRITE_QUEUE_FULL',
    retryable: true,
    fatal: false,
    meaning: 'More writes wait than `writes.maxQueued` allows; this one was not queued and did not run.',
    hint: 'Shed load (HTTP 503), or raise `writes.maxQueued`.',
  },
  QueryTimeoutError: {
    code: 'SAFE_SQLITE_QUERY_TIMEOUT',
    retryable: false,
    fatal: false,
    meaning: 'A query of `db.reader` did not end within `timeoutMs`; only its reader was ended.',
    hint: 'Check its plan (EXPLAIN QUERY PLAN), read less, or raise `timeoutMs` of the call.',
  },
  ResultTooLargeError: {
    code: 'SAFE_SQLITE_RESULT_TOO_LARGE',
    retryable: false,
    fatal: false,
    meaning:
      'The result of a query of `db.reader` is larger than `maxRows` or `maxBytes` allows, or its process needed more than `readers.memoryBytes`; `all` returns no part of it.',
    hint: 'Add a LIMIT, read with `db.reader.iterate()`, or raise the limit that the message names.',
  },
  ReaderError: {
    code: 'SAFE_SQLITE_READER_FAILED',
    retryable: true,
    fatal: false,
    meaning: 'A reader process could not be started, or ended in the middle of a query. The database is not affected.',
    hint: 'The next query starts a new reader process; check `cause`, the exit code, and the memory of the machine.',
  },
  ReadQueueFullError: {
    code: 'SAFE_SQLITE_READ_QUEUE_FULL',
    retryable: true,
    fatal: false,
    meaning: 'More queries of `db.reader` wait than `readers.maxQueued` allows; this one did not run.',
    hint: 'Shed load (HTTP 503), or raise `readers.max` or `readers.maxQueued`.',
  },
  ClosedDatabaseError: {
    code: 'SAFE_SQLITE_CLOSED',
    retryable: false,
    fatal: true,
    meaning: 'The handle was used after `close()`. Also a `TypeError`, as in better-sqlite3.',
    hint: 'Open the database again, or close it later.',
  },
} as const satisfies Record<string, RefusalRow>;

export type RefusalName = keyof typeof refusalCodes;

/** Every code that begins with `SAFE_SQLITE_`. */
export type SafeSqliteErrorCode = (typeof refusalCodes)[RefusalName]['code'];
