/** Lists the findings about the database, its journals, and the processes that have it open. */
import { row, type FindingRow } from './row';

export const databaseFindings = {
  fenced: row(
    'fence',
    'problem',
    'A sync or a write of the storage failed, and no process that uses this library writes the database until the fence is cleared.',
    'Check the storage, stop every process, copy the database with its `-wal` aside, then `--clear-fence`, or restore. [Fencing](fencing.md)',
  ),

  'no-database': row(
    'file',
    'problem',
    'There is no file at the path.',
    'Correct the path. If the file was there before, restore it; let no program create a new one.',
  ),
  'not-a-database': row(
    'file',
    'problem',
    'The file does not begin as a SQLite database: it was overwritten, lost its first page, is encrypted, or is another kind of file.',
    'Copy it aside with its sidecars; restore the newest backup.',
  ),
  'damaged-header': row(
    'file',
    'problem',
    'The file begins as a SQLite database, and its header has values that SQLite never writes.',
    'Copy it aside with its sidecars; restore the newest backup.',
  ),
  'cut-off': row(
    'file',
    'problem',
    'The file is shorter than its header says: a copy was not finished, or the filesystem lost the end.',
    'Copy it aside with its sidecars; restore the newest backup.',
  ),
  'empty-database': row(
    'file',
    'warning',
    'The file has no bytes: a database that was never written, or one that was emptied.',
    'Nothing if it is new; else restore the newest backup.',
  ),
  'hard-link': row(
    'file',
    'problem',
    'The file has more than one name, and each name would get a journal of its own.',
    'Remove the second name.',
  ),
  'cannot-open': row(
    'file',
    'problem',
    'The path cannot be opened as a database: a folder, a missing folder, a sidecar that is a symbolic link.',
    'The report says which; correct the path or move the obstacle away.',
  ),
  refused: row('file', 'problem', 'This library refuses to open the file.', 'The report says why.'),
  database: row('file', 'ok', 'The header is that of a SQLite database.', ''),

  'orphaned-journal': row(
    'journal',
    'problem',
    'A `-wal` or `-journal` is without its database, or without the super-journal that decides about its transaction; SQLite would delete it, and the transactions in it.',
    'Put the database back beside its `-wal` or `-journal`, or the super-journal at its path, as the report says; open nothing before.',
  ),
  'wal-crashed': row(
    'journal',
    'warning note',
    'No process has the database open, and committed transactions are in the `-wal` alone: a process was killed, or the power failed.',
    'Keep the `-wal`; start the program as usual, or `checkpoint`.',
  ),
  'wal-not-closed': row(
    'journal',
    'warning note',
    'Committed transactions are in the `-wal` alone. The database is open in a process that cannot be seen from here, or its process crashed.',
    'Keep the `-wal`. Run the doctor on the host as root to see every process; then as for `wal-crashed`.',
  ),
  'wal-older-than-database': row(
    'journal',
    'warning',
    'The `-wal` is older than the database beside it: an ordinary crash after a checkpoint, or a restored file with the `-wal` of the old one.',
    'If a file was put there, move the `-wal` and `-shm` away and keep them; else start the program, whose open compares the two.',
  ),
  'wal-damaged': row(
    'journal',
    'problem',
    'A frame in the middle of the `-wal` is damaged; SQLite drops the transactions after it at the next open.',
    'Copy database and `-wal` aside before anything opens it.',
  ),
  'wal-damaged-live': row(
    'journal',
    'problem',
    'The `-wal` of a database in use is damaged; a checkpoint would copy the damage.',
    'Do not stop the processes, make no checkpoint: back up from inside first.',
  ),
  'wal-header-damaged': row(
    'journal',
    'problem',
    'The header of the `-wal` is damaged; SQLite ignores such a file.',
    'Do not open it in any program; copy aside; compare with the newest backup.',
  ),
  'wal-missing': row(
    'journal',
    'problem',
    'The `-shm` counts transactions of a `-wal` that is gone or empty.',
    'Do not open it in any program; find the `-wal` and put it back; else compare with the newest backup.',
  ),
  'wal-large': row(
    'journal',
    'warning',
    'The `-wal` is larger than the database.',
    'End the read transaction that pins it; `checkpoint --truncate`.',
  ),
  'wal-nothing-committed': row('journal', 'note', 'A `-wal` was left behind with no committed transaction in it.', ''),
  'wal-empty': row('journal', 'ok', 'Journal mode WAL; every commit is in the database.', ''),
  'wal-live': row('journal', 'ok', 'Journal mode WAL, in use.', ''),
  'rollback-mode': row('journal', 'ok', 'Journal mode: a rollback journal.', ''),
  'reader-behind': row(
    'journal',
    'note',
    'A read transaction of another process keeps checkpoints from completing.',
    'If it stays: find the unfinished iterator or `BEGIN` in that process.',
  ),
  'hot-journal': row(
    'journal',
    'warning',
    'A write transaction was interrupted; the `-journal` restores the state before it.',
    'Keep the `-journal`; start the program as usual, or `checkpoint`, which plays it back.',
  ),
  'journal-unwritten': row(
    'journal',
    'note',
    'A `-journal` was left behind before its transaction changed the database.',
    '',
  ),
  'journal-finished': row('journal', 'ok', 'The `-journal` belongs to a finished transaction.', ''),
  'journal-in-use': row('journal', 'ok', 'A write transaction is under way.', ''),

  damaged: row(
    'integrity',
    'problem',
    'SQLite found pages that contradict each other.',
    'Stop the program, copy the database aside with its sidecars, restore the newest backup, compare the two.',
  ),
  sound: row('integrity', 'ok', 'SQLite checked every page and found nothing wrong.', ''),

  'deleted-file-in-use': row(
    'processes',
    'problem',
    'A process works on a database or `-wal` that was deleted or replaced under it.',
    'Do not end that process before its files are saved: the report has the command; or let it run `VACUUM INTO`.',
  ),
  'stopped-holder': row(
    'processes',
    'warning',
    'A suspended process (SIGSTOP, Ctrl-Z, a debugger, a frozen container) holds a lock or a read transaction.',
    'Let it go on (`kill -CONT`), or end it: what it has not committed is rolled back.',
  ),
  writing: row(
    'processes',
    'note',
    'A process was in a write transaction when the doctor looked; other writes wait for it.',
    'If it is there at every look: find the `BEGIN` without an end in that process.',
  ),
  'locks-lost': row(
    'processes',
    'problem',
    'A process has the database open without the locks that protect it.',
    'Let it save a copy (`VACUUM INTO`), restart it, find what opens the file beside SQLite.',
  ),
  'plain-descriptor': row(
    'processes',
    'problem',
    'A process has the file open through SQLite and otherwise; closing the second cancels the locks of the first.',
    'Find the `fs` call or copy in that process; `installProcessGuard()` refuses it.',
  ),
  'written-without-sqlite': row(
    'processes',
    'problem',
    'A program other than SQLite has the file open for writing.',
    'Stop that process; `verify --full`.',
  ),
  'read-without-sqlite': row(
    'processes',
    'note',
    'A program other than SQLite reads the file.',
    'If it makes the backup: use `backup` instead.',
  ),
  'several-sqlite-copies': row(
    'processes',
    'warning',
    'A process has more than one copy of SQLite loaded; the copies do not see the locks of each other.',
    'Let only one of them open this database.',
  ),
  open: row('processes', 'ok', 'A process has it open.', ''),
  'not-open': row('processes', 'ok', 'No process that can be seen has it open.', ''),
} as const satisfies Record<string, FindingRow>;
