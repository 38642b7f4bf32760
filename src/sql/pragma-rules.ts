/** Lists every pragma of the bundled SQLite, with the values that may be set and the reason. */
import type { GuardContext } from './decision';

/** The reason why a value is refused, and the alternative. */
interface Objection {
  readonly reason: string;
  readonly instead: string;
}

export interface PragmaRule {
  /**
   * - `free`: any value, no check afterwards.
   * - `noted`: any value; the connection must know it, and answers the pragma itself.
   * - `read-only-value`: may be read; no value may be set.
   * - `allowed-values`: some values may be set, and keep the protection.
   * - `needs-read-back`: some values may be set, and only the database can tell the result.
   */
  readonly kind: 'free' | 'noted' | 'read-only-value' | 'allowed-values' | 'needs-read-back';
  /**
   * `schema`: acts on the database that the prefix names, so `temp.` is harmless. `connection`: the prefix is ignored.
   */
  readonly scope: 'schema' | 'connection';
  /** True if the rule protects only files, and does not apply to an in-memory database. */
  readonly onlyFiles: boolean;
  /** The reason for the rule. */
  readonly reason: string;
  /**
   * Handling of a value that weakens the protection: `'kept'` keeps the protection and answers with the value in force;
   * `'granted'` sets it, with a warning; `'refused'` throws, because the application could not continue as if it had
   * been set. `weakerPragmas: 'throw'` makes all of them `'refused'`.
   */
  readonly weaker: 'kept' | 'granted' | 'refused';
  /** The value that SQLite gets instead when it is kept; `null`: SQLite is only asked for the value in force. */
  readonly stays: (context: GuardContext) => string | null;
  /** Returns the objection to setting `value` (without quotes, lower case); `null` if there is none. */
  readonly objection: (value: string, context: GuardContext) => Objection | null;
}

/** The rule of a pragma that is not in the `pragma_list` of the bundled SQLite and is therefore unknown. */
export const unknownPragma: PragmaRule = {
  kind: 'needs-read-back',
  scope: 'connection',
  onlyFiles: true,
  reason: 'a pragma that this table does not know may change a protection',
  weaker: 'refused',
  stays: () => null,
  objection: () => null,
};

type Row = Objection & Pick<PragmaRule, 'scope' | 'onlyFiles'>;

function free(reason: string): PragmaRule {
  const nothing = (): null => null;
  return {
    kind: 'free',
    scope: 'connection',
    onlyFiles: false,
    reason,
    weaker: 'refused',
    stays: nothing,
    objection: nothing,
  };
}

function readOnlyValue(row: Row): PragmaRule {
  return { kind: 'read-only-value', ...row, weaker: 'refused', stays: () => null, objection: () => row };
}

function allowed(values: readonly string[], row: Row): PragmaRule {
  return {
    kind: 'allowed-values',
    ...row,
    weaker: 'refused',
    stays: () => null,
    objection: value => (values.includes(value) ? null : row),
  };
}

/** Like `allowed`, for a protection that stays at `stays` when another value is requested. */
function kept(stays: string, values: readonly string[], row: Row): PragmaRule {
  return { ...allowed(values, row), weaker: 'kept', stays: () => stays };
}

/** SQLite treats any unknown word as "off" (pragma.c, `getSafetyLevel`), so the words are listed. */
const on = ['1', 'on', 'true', 'yes'];
const off = ['0', 'off', 'false', 'no'];

/** On macOS only F_FULLFSYNC flushes the cache of the drive; elsewhere SQLite ignores these two. */
function fullSyncOfMac(what: string): PragmaRule {
  const row = {
    reason: `without it macOS keeps ${what} in the cache of the drive, where a power failure loses it`,
    instead: 'Leave it on.',
  };
  const rule = kept('ON', on, { scope: 'connection', onlyFiles: true, ...row });
  return {
    ...rule,
    objection: (value, context) => (context.platform === 'darwin' ? rule.objection(value, context) : null),
  };
}

const synchronous: PragmaRule = {
  kind: 'needs-read-back',
  scope: 'schema',
  onlyFiles: true,
  reason: 'commits are durable only at FULL (EXTRA with a rollback journal); every unknown word means NORMAL',
  weaker: 'kept',
  stays: ({ synchronous: level, allowUnsyncedCommits }) => (allowUnsyncedCommits ? 'NORMAL' : level.toUpperCase()),
  objection: (value, context) => {
    if (value === 'extra' || value === '3') return null;
    if (value === 'full' || value === '2') {
      if (context.synchronous === 'full') return null;
      return {
        reason: 'with a rollback journal a commit is durable only when the folder is synced too, which is EXTRA',
        instead: 'Use `synchronous = EXTRA`, or leave the line out: it is set already.',
      };
    }
    if (value === 'normal' || value === '1') {
      if (context.allowUnsyncedCommits) return null;
      return {
        reason: 'it would end the sync at commit: committed data would be lost when the power fails',
        instead:
          'Leave the line out; for speed put many writes into one transaction, or use `db.write()`, which shares one sync between them. Only with `dangerously.allowUnsyncedCommits` may SQL lower it to NORMAL.',
      };
    }
    return {
      reason:
        'it would take the sync away (SQLite takes an unknown word for NORMAL), and without any sync the file can be damaged when the power fails',
      instead: 'Leave the line out. To load much data quickly, use one transaction, or fill a new file and rename it.',
    };
  },
};

const journalMode: PragmaRule = {
  kind: 'needs-read-back',
  scope: 'schema',
  onlyFiles: true,
  reason: 'the journal is what brings a torn write back; SQLite takes every beginning of a mode for the mode',
  weaker: 'kept',
  stays: () => null,
  objection: (value, context) => {
    if (value === 'delete' || value === 'truncate' || value === 'persist') return null;
    if (value === 'wal') {
      if (context.walAllowed) return null;
      return {
        reason: 'write-ahead logging was not allowed for this database when it was opened (see `db.plan`)',
        instead: "Leave the line out, or open the database with `journalMode: 'wal'` on a filesystem that carries it.",
      };
    }
    return {
      reason: 'only `wal`, `delete`, `truncate` and `persist` (in full) keep a journal that survives a crash',
      instead: 'Leave the line out: the `journalMode` option decides, or use a database in memory.',
    };
  },
};

const connectionOfFile = { scope: 'connection', onlyFiles: true } as const;
const schemaOfFile = { scope: 'schema', onlyFiles: true } as const;
const always = { scope: 'connection', onlyFiles: false } as const;

/** By name, in the order of https://sqlite.org/pragma.html. */
export const pragmaRules: ReadonlyMap<string, PragmaRule> = new Map<string, PragmaRule>([
  ['analysis_limit', free('bounds the work of ANALYZE')],
  ['application_id', free('a number in the header that SQLite itself does not use')],
  ['auto_vacuum', free('where free pages go; journaled as every write')],
  ['automatic_index', free('query planning')],
  [
    'busy_timeout',
    { ...free('the write queue switches the wait off for the time of a batch, then restores it'), kind: 'noted' },
  ],
  ['cache_size', free('memory')],
  ['cache_spill', free('when dirty pages go to the file, behind the journal')],
  ['case_sensitive_like', free('the meaning of LIKE on this connection')],
  [
    'cell_size_check',
    kept('ON', on, {
      ...connectionOfFile,
      reason: 'it finds a damaged page when the page is read, before the damage spreads',
      instead: 'Leave it on.',
    }),
  ],
  ['checkpoint_fullfsync', fullSyncOfMac('checkpointed pages')],
  ['collation_list', free('a list')],
  ['compile_options', free('a list')],
  ['count_changes', free('result rows of writes')],
  [
    'data_store_directory',
    readOnlyValue({
      ...always,
      reason: 'it moves every relative database name of the process to another folder than the one that was examined',
      instead: 'Open databases by an absolute path.',
    }),
  ],
  ['data_version', free('can only be read')],
  ['database_list', free('a list')],
  ['default_cache_size', free('memory')],
  ['defer_foreign_keys', free('when foreign keys are checked in this transaction')],
  ['empty_result_callbacks', free('without effect in better-sqlite3')],
  ['encoding', free('decided once, for a new database')],
  ['foreign_key_check', free('a check')],
  ['foreign_key_list', free('a list')],
  [
    'foreign_keys',
    free('a constraint that schema changes have to switch off (https://sqlite.org/lang_altertable.html, section 7)'),
  ],
  ['freelist_count', free('can only be read')],
  ['full_column_names', free('names in results')],
  ['fullfsync', fullSyncOfMac('committed data')],
  ['function_list', free('a list')],
  ['hard_heap_limit', free('memory; a statement that gets none fails and is rolled back')],
  [
    'ignore_check_constraints',
    allowed(off, {
      ...always,
      reason:
        'it lets rows in that break the CHECK constraints of their table, and integrity_check then calls them damage',
      instead: 'Correct the rows, or change the constraint.',
    }),
  ],
  ['incremental_vacuum', free('journaled as every write')],
  ['index_info', free('a list')],
  ['index_list', free('a list')],
  ['index_xinfo', free('a list')],
  ['integrity_check', free('a check')],
  ['journal_mode', journalMode],
  ['journal_size_limit', free('how much of a journal stays on the disk after it was used')],
  ['legacy_alter_table', free('how ALTER TABLE rewrites the schema')],
  [
    'lock_proxy_file',
    readOnlyValue({
      ...schemaOfFile,
      reason: 'it locks a different file than other programs do, and they no longer exclude each other',
      instead: 'Leave it out.',
    }),
  ],
  [
    'locking_mode',
    kept('NORMAL', ['normal'], {
      ...schemaOfFile,
      reason:
        'EXCLUSIVE never releases the lock: backup, checkpoint and every other reader are locked out, and in WAL no other process can see the log',
      instead: 'Use `db.transaction(fn).exclusive()` or BEGIN EXCLUSIVE for a time.',
    }),
  ],
  ['max_page_count', free('a bound; a write beyond it fails and is rolled back')],
  [
    'mmap_size',
    kept('0', ['0'], {
      ...schemaOfFile,
      reason: 'with memory-mapped I/O a read error kills the process, and a stray write in memory reaches the file',
      instead: 'Use `cache_size` for speed.',
    }),
  ],
  ['module_list', free('a list')],
  ['optimize', free('runs ANALYZE where it helps')],
  ['page_count', free('can only be read')],
  ['page_size', free('takes effect for a new database or with VACUUM, journaled as every write')],
  ['pragma_list', free('a list')],
  ['query_only', free('refuses writes')],
  ['quick_check', free('a check')],
  ['read_uncommitted', free('acts with a shared cache only, which better-sqlite3 leaves out')],
  ['recursive_triggers', free('how triggers fire')],
  ['reverse_unordered_selects', free('order of results')],
  [
    'schema_version',
    readOnlyValue({
      ...schemaOfFile,
      onlyFiles: false,
      reason:
        'SQLite counts it itself; a wrong number makes other connections write with a schema that no longer exists (https://sqlite.org/howtocorrupt.html, section 7)',
      instead: 'Use `user_version` for a number of your own.',
    }),
  ],
  ['secure_delete', free('overwrites what is deleted')],
  ['short_column_names', free('names in results')],
  ['shrink_memory', free('memory')],
  ['soft_heap_limit', free('memory')],
  ['synchronous', synchronous],
  ['table_info', free('a list')],
  ['table_list', free('a list')],
  ['table_xinfo', free('a list')],
  ['temp_store', free('where temporary tables stay; they do not outlive the connection')],
  [
    'temp_store_directory',
    readOnlyValue({
      ...always,
      reason: 'it changes a variable of the whole process while other connections may read it',
      instead: 'Set the environment variable SQLITE_TMPDIR before the process starts.',
    }),
  ],
  ['threads', free('threads for sorting')],
  [
    'trusted_schema',
    {
      ...allowed(off, {
        ...always,
        reason: 'the schema of a file from elsewhere could then call functions with side effects',
        instead: 'Call the function from SQL of your own, not from a view, trigger, index or default of the schema.',
      }),
      weaker: 'granted',
    },
  ],
  ['user_version', free('a number in the header that SQLite itself does not use')],
  [
    'wal_autocheckpoint',
    kept('0', ['0'], {
      ...connectionOfFile,
      reason: 'an automatic checkpoint runs inside a commit and discards its errors',
      instead: 'Use the `checkpoint` option: `walBytes`, `intervalMs`, `owner`.',
    }),
  ],
  ['wal_checkpoint', free('moves committed pages from the log to the database')],
  [
    'writable_schema',
    allowed([...off, 'reset'], {
      ...always,
      reason: 'it lets statements write the schema tables, and a wrong row there makes the database unreadable',
      instead: 'Change the schema with ALTER TABLE, or with a new table and a rename.',
    }),
  ],
]);
