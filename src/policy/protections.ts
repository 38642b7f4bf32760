/** Lists the protections: each pragma that is set and read back, with its reason. Pure. */

export interface Protection {
  /** Stable name, shown in `db.plan` and error messages. */
  readonly name: string;
  /** The pragma that is set, for example `'synchronous'`. */
  readonly pragma: string;
  readonly value: string;
  /** The values that `PRAGMA name` must return afterwards. */
  readonly expected: readonly (string | number)[];
  readonly reason: string;
}

/**
 * The mode of a rollback journal whose end SQLite makes durable. With DELETE that is the sync of the folder after the unlink:
 * `winDelete` of os_win.c ignores that request, and `unixDelete` on macOS asks for a plain fsync, which leaves the entry in
 * the cache of the drive also with `fullfsync`. With TRUNCATE it is a sync of the journal itself: FlushFileBuffers, and
 * F_FULLFSYNC.
 */
export function rollbackMode(platform: NodeJS.Platform): 'delete' | 'truncate' {
  return platform === 'win32' || platform === 'darwin' ? 'truncate' : 'delete';
}
/** The facts that decide the protections of a whole connection. */
export interface ConnectionGround {
  /** Set and verify `fullfsync`: only macOS has it. */
  readonly fullfsync: boolean;
}

/** The facts that decide the protections of one schema that has a file. */
export interface SchemaGround {
  /** The actual journal mode of the schema. */
  readonly journalMode: string;
  readonly durability: 'full' | 'extra';
  readonly platform: NodeJS.Platform;
  /** Not the main database of the connection. */
  readonly attached: boolean;
}

const full = 2;
const extra = 3;

/** Pragmas of the connection, independent of attached schemas. */
export function connectionProtections(ground: ConnectionGround): readonly Protection[] {
  return ground.fullfsync ? [...everywhere, ...macOnly] : everywhere;
}

const everywhere: readonly Protection[] = [
  {
    name: 'checkpoint-errors-surface',
    pragma: 'wal_autocheckpoint',
    value: '0',
    expected: [0],
    // sqlite3WalDefaultHook discards the result of its checkpoint: a failed one looks like a good commit.
    reason: 'the automatic checkpoint of SQLite discards its errors; this library checkpoints itself and reports them',
  },
  {
    name: 'cell-size-check',
    pragma: 'cell_size_check',
    value: 'ON',
    expected: [1],
    reason:
      'a damaged page is noticed when it is read, before it spreads (https://sqlite.org/pragma.html#pragma_cell_size_check)',
  },
  {
    name: 'untrusted-schema',
    pragma: 'trusted_schema',
    value: 'OFF',
    expected: [0],
    reason:
      'a schema from elsewhere cannot call functions with side effects (https://sqlite.org/pragma.html#pragma_trusted_schema)',
  },
];

const macOnly: readonly Protection[] = [
  {
    name: 'full-fsync',
    pragma: 'fullfsync',
    value: 'ON',
    expected: [1],
    reason: 'fsync on macOS leaves the data in the cache of the drive; F_FULLFSYNC does not',
  },
  {
    name: 'checkpoint-full-fsync',
    pragma: 'checkpoint_fullfsync',
    value: 'ON',
    expected: [1],
    reason: 'the same for checkpoints, which SQLite switches separately',
  },
];

/** Pragmas of one schema; every schema with a file needs its own, including those attached by SQL. */
export function schemaProtections(ground: SchemaGround): readonly Protection[] {
  if (ground.journalMode !== 'delete' || !isTruncated(ground)) return [sharedLocks, synchronous(ground), noMemoryMap];
  return [truncatedJournal, sharedLocks, synchronous({ ...ground, journalMode: 'truncate' }), noMemoryMap];
}

/**
 * `synchronous` must be set even if it already has the right value: better-sqlite3's build lowers it to NORMAL at the
 * first use in WAL mode unless it was set explicitly (`SQLITE_DEFAULT_WAL_SYNCHRONOUS=1`).
 */
function synchronous({ journalMode, durability, platform }: SchemaGround): Protection {
  // With DELETE and FULL the unlink of the journal is not synced: a power cut can undo an acknowledged commit. TRUNCATE
  // and PERSIST have no unlink; where EXTRA syncs the folder it costs nothing there, and the level is the same for all.
  const syncsFolder = rollbackMode(platform) === 'delete';
  const needsExtra = durability === 'extra' || journalMode === 'delete' || (journalMode !== 'wal' && syncsFolder);
  return {
    name: 'durable-commits',
    pragma: 'synchronous',
    value: needsExtra ? 'EXTRA' : 'FULL',
    expected: needsExtra ? [extra] : [full, extra],
    reason: needsExtra
      ? 'a commit in rollback mode is durable only once the folder is synced after the journal is gone'
      : 'a commit returns after its frames are synced to the WAL',
  };
}

/**
 * On Windows a connection in TRUNCATE keeps the journal open (pager.c, pager_unlock), so that no other can delete it: a second
 * connection could then neither commit with DELETE nor change the file to WAL. That is right for a database that was planned
 * for a rollback journal, and not for one that was attached and that other programs open by itself.
 */
function isTruncated({ platform, attached }: SchemaGround): boolean {
  return rollbackMode(platform) === 'truncate' && !(platform === 'win32' && attached);
}

/** The mode of a rollback journal is one of the connection, not of the file. */
const truncatedJournal: Protection = {
  name: 'durable-journal',
  pragma: 'journal_mode',
  value: 'TRUNCATE',
  expected: ['truncate'],
  reason:
    'with DELETE a power cut brings the journal back, which undoes an acknowledged commit: the folder is not synced',
};
/** A connection that was set to EXCLUSIVE passes that on to the databases it attaches. */
const sharedLocks: Protection = {
  name: 'shared-locks',
  pragma: 'locking_mode',
  value: 'NORMAL',
  expected: ['normal'],
  reason: 'with an exclusive lock no other process can read, and the sentinel cannot see the usual locks',
};

const noMemoryMap: Protection = {
  name: 'no-memory-map',
  pragma: 'mmap_size',
  value: '0',
  // SQLite returns no row for a schema that cannot be mapped at all.
  expected: [0],
  reason: 'a stray pointer cannot write into the database, and an I/O error is an error code instead of SIGBUS',
};
