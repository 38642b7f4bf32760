/** A grammar of SQL texts with their bound values, and of the calls that bring them to a database. */
import fc from 'fast-check';
import { anyCase, gap, quotedAnyhow, spelling, tokenSoup } from './soup.mts';

/** The ways in which a text comes to SQLite. */
export const ways = [
  'exec', 'run', 'get', 'all', 'iterate', 'pragma', 'explain', 'attach', 'transaction', 'write', 'reader',
] as const; // prettier-ignore

export type Way = (typeof ways)[number];

/** A bound value; what JSON has no form for is spelt out. */
export type Value =
  null | number | string | { readonly big: string } | { readonly bytes: string } | { readonly [name: string]: Value };

export interface Call {
  readonly way: Way;
  readonly text: string;
  readonly values: readonly Value[];
  /** Bound with `bind()`, before the text of `late` runs. */
  readonly bind: boolean;
  /** Runs between the preparation of the statement and its execution; `''` for nothing. */
  readonly late: string;
  /** An iterator over a table is open meanwhile. */
  readonly beside: boolean;
  /** The calls inside of a transaction or a write. */
  readonly inner: readonly Call[];
}

/** How the database was opened. */
export const settings = ['keep', 'throw', 'rollback', 'memory', 'unsafe'] as const;

export type Setting = (typeof settings)[number];

export interface Case {
  readonly setting: Setting;
  readonly calls: readonly Call[];
}

/** Names of files as SQLite may get them: those of the folder, new ones, and traps. */
const fileNames = [
  'other.db', 'other.db', 'wal.db', 'wal.db', 'new.db', 'new.db', 'b.db', './b.db', 'b.db ', ' b.db', 'sub/c.db', 'sub/../d.db', 'sub//c.db',
  'missing/e.db', 'main.db', './main.db', 'main.db-wal', 'main.db-shm', 'link.db', 'plain.txt', 'sub', '', ':memory:', ':MEMORY:', 'file:b.db',
  'file:b.db?vfs=unix-none', 'FILE:b.db', 'file::memory:', 'b.db\0x', "it's.db", 'quo"te.db', 'a;b.db', '--.db', '?1', ':f', 'NULL', '7', 'ä.db',
  'b.db\n', '.', '/',
]; // prettier-ignore

const schemaNames = ['o', 'o', 'p', 'main', 'temp', 'O', 'with space', "it's", 'quo"te', '', 'o\0x', 'key', 'as', 'ä'];

const quotedText = (text: string): string => `'${text.replaceAll("'", "''").replaceAll('\0', '')}'`;
const quotedName = (text: string): string => `"${text.replaceAll('"', '""').replaceAll('\0', '')}"`;

/** Parameters of every kind. A text may mix them, and may count with gaps. */
const parameter = fc.constantFrom('?', '?', '?1', '?2', '?3', ':f', '@f', '$f', ':g', '$g', ':f2', '?2');

/** An expression that gives `text`, or may give it: literals, names, parameters, computed ones. */
function operand(texts: readonly string[], names: boolean): fc.Arbitrary<string> {
  return fc.constantFrom(...texts).chain(text => {
    const quoted = quotedText(text);
    const half = Math.floor(text.length / 2);
    const forms = [
      quoted,
      quoted,
      `(${quoted})`,
      `(( ${quoted} ))`,
      `${quotedText(text.slice(0, half))} || ${quotedText(text.slice(half))}`,
      `CAST(${quoted} AS TEXT)`,
      `CAST(x'${Buffer.from(text).toString('hex')}' AS TEXT)`,
      `x'${Buffer.from(text).toString('hex')}'`,
      `CASE WHEN 1 THEN ${quoted} ELSE 'wrong.db' END`,
      `coalesce(NULL, ${quoted})`,
      `(SELECT ${quoted})`,
      `(SELECT name FROM files WHERE id = 1)`,
      `char(${Array.from(text, character => character.codePointAt(0)).join(',')})`,
      `${quoted} COLLATE nocase`,
      ...(names ? [quotedName(text), `[${text.replaceAll(']', '')}]`, ...(/^[a-z]+$/i.test(text) ? [text] : [])] : []),
    ];
    return fc.oneof({ weight: 2, arbitrary: fc.constantFrom(...forms) }, { weight: 2, arbitrary: parameter });
  });
}

const schemaPrefix = fc.constantFrom('', '', '', 'main.', 'temp.', 'o.', 'o.', 'p.', '"with space".');

const attach = fc
  .record({
    database: fc.constantFrom('', 'DATABASE '),
    file: operand(fileNames, true),
    name: operand(schemaNames, true),
    key: fc.constantFrom('', '', '', '', " KEY 'k'", ' KEY ?', ' KEY :f'),
    a: gap,
    b: gap,
  })
  .map(({ database, file, name, key, a, b }) => `ATTACH${a}${database}${file}${b}AS ${name}${key}`);

const detach = fc
  .record({ database: fc.constantFrom('', 'DATABASE '), name: operand(schemaNames, true) })
  .map(({ database, name }) => `DETACH ${database}${name}`);

const vacuum = fc.oneof(
  fc.constantFrom('VACUUM', 'VACUUM main', 'VACUUM o', 'VACUUM temp'),
  fc
    .record({
      schema: fc.constantFrom('', '', 'main', 'o', '"main"', 'temp', 'p'),
      file: operand(fileNames, true),
      a: gap,
    })
    .map(({ schema, file, a }) => `VACUUM ${schema}${a}INTO ${file}`),
);

/** What a write would be made durable with, written down by the write itself. */
const probe = fc.constantFrom('main', 'o', 'p', 'with space').map(schema => {
  const name = quotedText(schema);
  return `INSERT INTO seen SELECT ${name}, (SELECT file FROM pragma_database_list WHERE name = ${name}),
    (SELECT journal_mode FROM pragma_journal_mode(${name})), (SELECT synchronous FROM pragma_synchronous(${name}))`;
});

const numbers = ['0', '1', '2', '3', '4', '8', '1000', '-1', '0x0', '4096'];
const words = [
  'off',
  'on',
  'no',
  'yes',
  'true',
  'false',
  'normal',
  'full',
  'extra',
  'exclusive',
  'default',
  'nonsense',
  'reset',
  '',
];
const modes = ['delete', 'memory', 'wal', 'persist', 'truncate', 'off', 'm', 'w', 'd'];

const guarded = [
  'synchronous', 'synchronous', 'journal_mode', 'journal_mode', 'locking_mode', 'mmap_size', 'wal_autocheckpoint', 'cell_size_check',
  'trusted_schema', 'writable_schema', 'ignore_check_constraints', 'schema_version', 'fullfsync', 'checkpoint_fullfsync', 'temp_store_directory',
]; // prettier-ignore

/** Pragmas of which the library keeps nothing, but which act while it sets and reads its own. */
const free = [
  'foreign_keys', 'defer_foreign_keys', 'recursive_triggers', 'case_sensitive_like', 'query_only', 'user_version', 'application_id',
  'busy_timeout', 'cache_size', 'cache_spill', 'temp_store', 'secure_delete', 'read_uncommitted', 'reverse_unordered_selects',
  'legacy_alter_table', 'count_changes', 'full_column_names', 'short_column_names', 'auto_vacuum', 'page_size', 'max_page_count',
  'journal_size_limit', 'encoding', 'automatic_index', 'analysis_limit', 'threads', 'no_such_pragma', 'incremental_vacuum', 'empty_result_callbacks',
]; // prettier-ignore

const acting = [
  'wal_checkpoint', 'wal_checkpoint(truncate)', 'wal_checkpoint(full)', 'optimize', 'optimize(-1)', 'shrink_memory', 'integrity_check',
  'quick_check(t)', 'foreign_key_check', 'table_info(t)', 'o.table_info(t)', 'table_list', 'database_list', 'collation_list', 'page_count', 'lock_status',
]; // prettier-ignore

/** Prefix, name and value of one pragma, without the keyword. */
const plainPragma = fc
  .record({
    schema: schemaPrefix,
    name: fc.oneof(fc.constantFrom(...guarded), fc.constantFrom(...free)).chain(quotedAnyhow),
    value: fc.oneof(
      { weight: 1, arbitrary: fc.constant('') },
      {
        weight: 4,
        arbitrary: fc.constantFrom(...numbers, ...words, ...modes).map(value => ` = ${value === '' ? "''" : value}`),
      },
      { weight: 2, arbitrary: fc.constantFrom(...numbers, ...words, ...modes).map(value => `('${value}')`) },
      { weight: 1, arbitrary: fc.constantFrom(' = ?', ' = :f', '(?)', ' = 1 + 1', ' = (1)', '(', ' =', ' = off off') },
    ),
  })
  .map(({ schema, name, value }) => `${schema}${name}${value}`);

const afterKeyword = fc.oneof(
  { weight: 6, arbitrary: plainPragma },
  { weight: 1, arbitrary: fc.constantFrom(...acting) },
  {
    weight: 2,
    arbitrary: fc
      .constantFrom(...guarded)
      .chain(name => spelling(name, [...numbers, ...words, ...modes]).map(({ afterKeyword: text }) => text)),
  },
);

const pragma = fc.tuple(anyCase('pragma'), gap, afterKeyword).map(([keyword, space, rest]) => keyword + space + rest);

const tableValued = fc.constantFrom(
  'SELECT * FROM pragma_journal_mode', "SELECT * FROM pragma_synchronous('main')", "SELECT * FROM pragma_journal_mode('o')",
  'SELECT * FROM pragma_locking_mode', 'SELECT * FROM pragma_foreign_keys', "SELECT * FROM pragma_table_info('t')", 'SELECT * FROM pragma_table_info(?)',
  "SELECT * FROM pragma_table_info('t') WHERE schema = 'o'", 'SELECT * FROM pragma_database_list', "SELECT * FROM pragma_optimize('-1')",
  "SELECT * FROM pragma_user_version('main; PRAGMA synchronous=0')", "SELECT * FROM pragma_table_info('t''; PRAGMA synchronous=0')",
  "SELECT * FROM pragma_journal_mode WHERE schema = 'main'", 'SELECT * FROM pragma_quick_check', 'INSERT INTO t (a) SELECT count(synchronous) FROM pragma_synchronous',
); // prettier-ignore

const value = fc.oneof(fc.constantFrom('1', "'x'", 'NULL', "x'00'", '13', '1e3', "'PRAGMA synchronous=0'"), parameter);

const write = fc
  .record({
    schema: schemaPrefix,
    id: fc.constantFrom('1', '2', '7', '8', '?', ':f', 'NULL'),
    value,
    or: fc.constantFrom('', '', ' OR REPLACE', ' OR IGNORE', ' OR ROLLBACK', ' OR FAIL', ' OR ABORT'),
    form: fc.nat(9),
  })
  .map(({ schema, id, value: what, or, form }) => {
    const table = `${schema}t`;
    const forms = [
      `INSERT${or} INTO ${table} VALUES (${id}, ${what}, 1)`,
      `INSERT${or} INTO ${table} (a) VALUES (${what}), (${what})`,
      `REPLACE INTO ${table} VALUES (${id}, ${what}, 2)`,
      `UPDATE${or} ${table} SET a = ${what} WHERE id = ${id}`,
      `UPDATE${or} ${table} SET b = ${what}`,
      `DELETE FROM ${table} WHERE id = ${id}`,
      `DELETE FROM ${table}`,
      `INSERT INTO ${table} (a) VALUES (${what}) RETURNING id, a`,
      `WITH x(a) AS (VALUES (${what}), (2)) INSERT INTO ${table} (a) SELECT a FROM x`,
      `INSERT INTO ${table} VALUES (${id}, ${what}, 1) ON CONFLICT DO UPDATE SET a = excluded.a`,
    ];
    return forms[form] ?? '';
  });

const read = fc.oneof(
  value.map(what => `SELECT ${what}, ${what} AS "pragma"`),
  schemaPrefix.map(schema => `SELECT * FROM ${schema}t ORDER BY id`),
  fc.constantFrom(
    'SELECT count(*) FROM t', 'VALUES (1), (2)', 'WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < 5) SELECT * FROM n',
    "SELECT * FROM f WHERE f MATCH 'hello'", 'SELECT * FROM v', 'SELECT attach FROM words', 'SELECT "pragma", [vacuum] FROM words', "SELECT ';', '--', '/*'",
    'SELECT 1 -- ; PRAGMA synchronous = 0', 'SELECT 1 /* ; PRAGMA synchronous = 0; */', "SELECT load_extension('x')", 'SELECT no_such()', 'SELECT',
  ), // prettier-ignore
);

const control = fc.constantFrom(
  'BEGIN', 'BEGIN', 'BEGIN IMMEDIATE', 'BEGIN EXCLUSIVE TRANSACTION', 'begin/**/deferred', 'COMMIT', 'COMMIT', 'END', 'END TRANSACTION', 'commit transaction x',
  'ROLLBACK', 'ROLLBACK TRANSACTION', 'SAVEPOINT s', 'SAVEPOINT "s"', 'RELEASE s', 'RELEASE SAVEPOINT s', 'ROLLBACK TO s', 'ROLLBACK TRANSACTION TO SAVEPOINT s',
); // prettier-ignore

const schema = fc.constantFrom(
  'CREATE TABLE n (a)', 'CREATE TEMP TABLE n (a)', 'CREATE TABLE IF NOT EXISTS o.t (id INTEGER PRIMARY KEY, a, b)', 'CREATE TABLE IF NOT EXISTS p.t (id INTEGER PRIMARY KEY, a, b)',
  'DROP TABLE n', 'DROP TABLE t', 'ALTER TABLE t ADD COLUMN c', 'ALTER TABLE t RENAME TO u', 'CREATE INDEX i ON t (a)', 'REINDEX', 'ANALYZE', 'ANALYZE o',
  'CREATE TRIGGER tr AFTER INSERT ON t BEGIN SELECT 1; INSERT INTO seen (schema) VALUES (1); END',
  'CREATE TEMP TRIGGER tr AFTER INSERT ON t BEGIN SELECT CASE WHEN 1 THEN 2 END; SELECT 3; END',
  "CREATE TRIGGER tr AFTER DELETE ON t BEGIN SELECT RAISE(ROLLBACK, 'no'); END",
  'CREATE TRIGGER tr AFTER INSERT ON t BEGIN SELECT 1; PRAGMA synchronous = 0; END', 'CREATE VIEW w AS SELECT * FROM pragma_synchronous', 'CREATE TABLE pragma (attach)',
  'CREATE TEMP VIEW main AS SELECT 1', 'CREATE VIRTUAL TABLE g USING fts5(x)', 'CREATE TABLE vacuum.t (a)', 'CREATE TABLE n AS SELECT 1 AS a',
  'DELETE FROM f_data', 'UPDATE f_content SET c0 = 1', 'DROP TABLE f_data', "UPDATE sqlite_schema SET sql = 'x'", 'INSERT INTO sqlite_schema DEFAULT VALUES',
  'UPDATE sqlite_dbpage SET data = zeroblob(4096)', 'DELETE FROM main.sqlite_sequence', 'SELECT * FROM dbstat',
); // prettier-ignore

const plainCall: Omit<Call, 'way' | 'text'> = { values: [], bind: false, late: '', beside: false, inner: [] };

const scalar: fc.Arbitrary<Value> = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom(...fileNames) },
  { weight: 2, arbitrary: fc.constantFrom(...schemaNames) },
  {
    weight: 1,
    arbitrary: fc.constantFrom<Value>(null, 1, 1.5, { big: '7' }, { bytes: '622e6462' }, { bytes: '6f' }),
  },
);

const named: fc.Arbitrary<Value> = fc.record(
  { f: scalar, g: scalar, f2: scalar, '1': scalar },
  { requiredKeys: ['f'] },
);

const values: fc.Arbitrary<readonly Value[]> = fc.oneof(
  { weight: 3, arbitrary: fc.constant([]) },
  { weight: 5, arbitrary: fc.array(scalar, { minLength: 1, maxLength: 3 }) },
  { weight: 2, arbitrary: named.map(names => [names]) },
  { weight: 1, arbitrary: fc.tuple(scalar, named) },
);

/** The calls of a case; in a mild one nothing asks for less safety, so that both databases hold the same to its end. */
function callsOf(mild: boolean): fc.Arbitrary<Call> {
  const statement = fc
    .oneof(
      { weight: mild ? 0 : 6, arbitrary: pragma },
      { weight: mild ? 1 : 3, arbitrary: attach },
      { weight: 1, arbitrary: detach },
      { weight: 2, arbitrary: vacuum },
      { weight: 4, arbitrary: write },
      { weight: mild ? 0 : 3, arbitrary: probe },
      { weight: 2, arbitrary: read },
      { weight: 2, arbitrary: control },
      { weight: 2, arbitrary: schema },
      { weight: 1, arbitrary: tableValued },
      { weight: 1, arbitrary: tokenSoup },
    )
    .chain(text =>
      fc.constantFrom(text, text, text, text, text, text, text, `EXPLAIN ${text}`, `explain query plan ${text}`),
    );

  const between = fc.oneof(
    { weight: 6, arbitrary: fc.constantFrom('; ', ';\n', ';') },
    { weight: 2, arbitrary: gap.map(space => `;${space}`) },
    { weight: 1, arbitrary: fc.constantFrom(';;', ' ; \v', '; -- a note\n', ' ', '; \0 ', ';/* ; */', ';END;') },
  );

  /** Several statements in one text: what one does changes what the next one means. */
  const script = fc
    .array(fc.tuple(statement, between), { minLength: 1, maxLength: 5, size: 'max' })
    .map(parts => parts.map(([text, end], at) => (at === parts.length - 1 ? text : text + end)).join(''));

  /** A single statement in a text, as `prepare` wants it, most of the time. */
  const single = fc.oneof(
  { weight: 8, arbitrary: fc.tuple(fc.constantFrom('', '', '', ' ', '/* x */ ', '\ufeff', '; '), statement, fc.constantFrom('', '', ';', ' -- end', '\0')).map(parts => parts.join('')) },
  { weight: 1, arbitrary: script },
); // prettier-ignore

  const statementCall = fc.record({
    way: fc.constantFrom<Way>('run', 'get', 'all', 'iterate'),
    text: single,
    values,
    bind: fc.nat(5).map(nth => nth === 0),
    late: fc.oneof({ weight: 5, arbitrary: fc.constant('') }, { weight: 1, arbitrary: script }),
    beside: fc.nat(19).map(nth => nth === 0),
    inner: fc.constant<readonly Call[]>([]),
  });

  const textCall = fc.oneof(
    { weight: 5, arbitrary: script.map((text): Call => ({ ...plainCall, way: 'exec', text })) },
    { weight: mild ? 0 : 2, arbitrary: afterKeyword.map((text): Call => ({ ...plainCall, way: 'pragma', text })) },
    { weight: 1, arbitrary: single.map((text): Call => ({ ...plainCall, way: 'explain', text })) },
    {
      weight: 1,
      arbitrary: fc
        .tuple(fc.constantFrom(...fileNames), fc.constantFrom(...schemaNames.filter(name => name !== '')))
        .map(([file, name]): Call => ({ ...plainCall, way: 'attach', text: '', values: [file, name] })),
    },
  );

  const simpleCall = fc.oneof({ weight: 5, arbitrary: statementCall }, { weight: 5, arbitrary: textCall });

  return fc.oneof(
    { weight: 12, arbitrary: simpleCall },
    {
      weight: 2,
      arbitrary: fc
        .tuple(fc.constantFrom<Way>('transaction', 'write'), fc.array(simpleCall, { minLength: 1, maxLength: 3 }))
        .map(([way, inner]): Call => ({ ...plainCall, way, text: '', inner })),
    },
  );
}

const call = callsOf(false);
const mildCall = callsOf(true);

const reading = fc
  .tuple(fc.oneof(read, read, pragma, attach, vacuum, write, control, tableValued), values)
  .map(([text, bound]): Call => ({ ...plainCall, way: 'reader', text, values: bound }));

/** Some calls to one database, in order. */
export const cases: fc.Arbitrary<Case> = fc.record({
  setting: fc.constantFrom(...settings),
  calls: fc.oneof(
    fc.array(call, { minLength: 4, maxLength: 14, size: 'max' }),
    fc.array(mildCall, { minLength: 4, maxLength: 14, size: 'max' }),
  ),
});

/** Calls among which a reader process reads: each costs a message to another process. */
export const casesWithReaders: fc.Arbitrary<Case> = fc.record({
  setting: fc.constantFrom('keep', 'throw', 'rollback'),
  calls: fc.array(fc.oneof(call, reading), { minLength: 2, maxLength: 8, size: 'max' }),
});

/** How many SQL texts a case has. */
export function textsOf({ calls }: Case): number {
  const count = (list: readonly Call[]): number =>
    list.reduce((sum, { late, inner }) => sum + (inner.length > 0 ? count(inner) : 1) + (late === '' ? 0 : 1), 0);
  return count(calls);
}
