/** Lists the result codes for contention: another connection is using the database. */
import { rows } from './row';

export const contentionCodes = rows({
  SQLITE_BUSY: {
    number: 5,
    errorClass: 'SqliteBusyError',
    retryable: true,
    fatal: false,
    meaning: 'Another connection held a lock for longer than the `timeout` of this one.',
    hint: 'Try again, or answer with 503. If it happens often, look for a long write transaction (`longTransaction` events), and use `db.write`, which waits without stopping the event loop. On network filesystems it can also be a lock server that does not answer.',
  },
  SQLITE_BUSY_RECOVERY: {
    number: 261,
    errorClass: 'SqliteBusyRecoveryError',
    retryable: true,
    fatal: false,
    meaning: 'Another process is recovering the WAL after a crash.',
    hint: 'Try again shortly. A large WAL takes some seconds; if it stays, look for a process that was stopped in the middle of it.',
  },
  SQLITE_BUSY_SNAPSHOT: {
    number: 517,
    errorClass: 'SqliteBusySnapshotError',
    retryable: true,
    fatal: false,
    meaning:
      'The transaction began by reading, another connection has written since, and it cannot write on top of the old state.',
    hint: "Roll back and run the whole transaction again: waiting does not help, and SQLite does not wait. Begin transactions that will write with `immediate` (`transactionMode: 'immediate'` or `db.write`).",
  },
  SQLITE_BUSY_TIMEOUT: {
    number: 773,
    errorClass: 'SqliteBusyError',
    retryable: true,
    fatal: false,
    meaning: 'A blocking lock of the operating system was not given in time.',
    hint: 'Treat it as SQLITE_BUSY. Only builds with SQLITE_ENABLE_SETLK_TIMEOUT report it.',
  },
  SQLITE_LOCKED: {
    number: 6,
    errorClass: 'SqliteLockedError',
    retryable: false,
    fatal: false,
    meaning:
      'This connection blocks itself, for example a checkpoint inside a transaction, or DROP TABLE while an iterator reads it.',
    hint: 'Finish or close the iterator, or commit, before this statement. Waiting does not help.',
  },
  SQLITE_LOCKED_SHAREDCACHE: {
    number: 262,
    errorClass: 'SqliteLockedError',
    retryable: true,
    fatal: false,
    meaning: 'Another connection with the same shared cache holds a lock on the table.',
    hint: 'Try again. The SQLite inside better-sqlite3 is built without shared cache, so look for a build of your own.',
  },
  SQLITE_LOCKED_VTAB: {
    number: 518,
    errorClass: 'SqliteLockedError',
    retryable: false,
    fatal: false,
    meaning: 'A virtual table (R-Tree, FTS) is written while a statement of this connection still reads it.',
    hint: 'Read the rows first (`all()` instead of `iterate()`), then write.',
  },
  SQLITE_PROTOCOL: {
    number: 15,
    errorClass: 'SqliteProtocolError',
    retryable: true,
    fatal: false,
    meaning:
      'The locks on the `-shm` file could not be had after many tries, about ten seconds, whatever the `timeout` is.',
    hint: 'Once: many processes opened the database at the same moment, try again. Repeatedly: the filesystem does not implement POSIX locks (fcntl gives ENOLCK, EIO or EINVAL); move the database to a local one.',
  },
});
