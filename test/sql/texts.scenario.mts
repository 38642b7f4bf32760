/**
 * Runs a case of `texts.mts` on a fresh database, raw or of this library, and answers with the result of each call and
 * with everything that is wrong behind it: a protection that is not active, a file that was touched and not judged.
 */
import { chdir, cwd } from 'node:process';
import {
  copyFileSync,
  mkdirSync,
  readdirSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { join, relative } from 'node:path';
import type { Database as Ours } from 'safe-sqlite';
import { serve } from '../support/fault-scenario.mts';
import type { Call, Case, Setting, Value } from './texts.mts';

const [subject = 'raw', folder = ''] = process.argv.slice(2);
const ours = subject === 'ours';
const require = createRequire(import.meta.url);

interface Location {
  readonly file: string;
}
type Admit = (location: Location, options: unknown) => unknown;

/** Canonical paths of the files that passed the checks of an open, in this case. */
const judged = new Set<string>();
if (ours) {
  const admit = require('../../dist/open/admit.js') as { admitToRegistry: Admit };
  const { admitToRegistry } = admit;
  admit.admitToRegistry = (location, options) => {
    judged.add(location.file);
    return admitToRegistry(location, options);
  };
}
const { Database } = ours
  ? (require('safe-sqlite') as { Database: new (file: string, options?: object) => Ours })
  : { Database: null };
// Started with `safe-sqlite/register` this is the class of this library.
const Native = require('better-sqlite3') as new (file: string, options?: object) => Ours;

export interface Outcome {
  /** Rows, changes or `'ran'`; `null` if the call failed. */
  readonly result: unknown;
  readonly error: {
    readonly name: string;
    readonly code: string | null;
    readonly message: string;
    readonly ours: boolean;
  } | null;
  readonly inner: readonly Outcome[];
  /** The call was not made: its counterpart would mean something else. */
  readonly skipped: boolean;
}

export interface Behind {
  readonly outcome: Outcome;
  readonly inTransaction: boolean;
  /** Rows of every table of the main database that a case writes. */
  readonly rows: unknown;
  readonly wrong: readonly string[];
}

export interface Answer {
  readonly calls: readonly Behind[];
  /** What went wrong outside of the calls: at the close, or as an event. */
  readonly wrong: readonly string[];
}

const tables = `CREATE TABLE t (id INTEGER PRIMARY KEY, a, b CHECK (b <> 13)); INSERT INTO t VALUES (1, 'one', 1), (2, 'two', 2), (3, 'three', 3)`;
const schema = `${tables}; CREATE TABLE seen (schema, file, mode, level); CREATE TABLE files (id INTEGER PRIMARY KEY, name);
  INSERT INTO files VALUES (1, 'row.db'); CREATE TABLE words (attach, pragma, vacuum); CREATE VIEW v AS SELECT a FROM t;
  CREATE VIRTUAL TABLE f USING fts5(x); INSERT INTO f VALUES ('hello')`;

const templates = join(folder, 'templates');
let count = 0;

/** Databases to copy: to create them takes longer than a case. */
function makeTemplates(): void {
  mkdirSync(templates, { recursive: true });
  for (const [name, text, journal] of [
    ['main.db', schema, 'wal'],
    ['rollback.db', schema, 'delete'],
    ['other.db', tables, 'delete'],
    ['wal.db', tables, 'wal'],
  ] as const) {
    const db = new Native(join(templates, name));
    db.pragma(`journal_mode = ${journal}`);
    db.exec(text);
    db.close();
  }
}

/** Their stacks cost more than the failures themselves. */
Error.stackTraceLimit = 0;

const base = ['other.db', 'wal.db', 'plain.txt'];
let before: ReadonlyMap<string, string> = new Map();

const stateOf = (name: string): string => {
  const { size, mtimeMs, ino } = statSync(name);
  return `${ino} ${size} ${mtimeMs}`;
};

function enterFolder(setting: Setting): void {
  const path = join(folder, `${subject}-${(count += 1)}`);
  mkdirSync(join(path, 'sub'), { recursive: true });
  chdir(path);
  if (setting !== 'memory')
    copyFileSync(join(templates, setting === 'rollback' ? 'rollback.db' : 'main.db'), 'main.db');
  for (const name of ['other.db', 'wal.db']) copyFileSync(join(templates, name), name);
  writeFileSync(
    'plain.txt',
    'This is no database, but it is long enough that SQLite reads a header from it.'.repeat(20),
  );
  symlinkSync('other.db', 'link.db');
  before = new Map(base.map(name => [name, stateOf(name)]));
  judged.clear();
}

/** Raw gets the settings that this library begins with: what differs afterwards is the work of a text. */
function open(setting: Setting): Ours {
  const file = setting === 'memory' ? ':memory:' : 'main.db';
  const events: string[] = [];
  alarms = events;
  if (Database === null) {
    const db = new Native(file);
    if (setting === 'memory') db.exec(schema);
    else db.pragma(`synchronous = ${setting === 'rollback' ? 'EXTRA' : 'FULL'}`);
    db.pragma('cell_size_check = ON');
    for (const name of ['trusted_schema', 'wal_autocheckpoint', 'mmap_size']) db.pragma(`${name} = 0`);
    return db;
  }
  const options = {
    logger: false as const,
    weakerPragmas: setting === 'throw' ? ('throw' as const) : ('keep' as const),
    ...(setting === 'rollback' ? { journalMode: 'rollback' as const } : {}),
  };
  const db = setting === 'keep' ? new Native(file, options) : new Database(file, options);
  if (setting === 'memory') db.exec(schema);
  if (setting === 'unsafe') db.unsafeMode();
  for (const name of ['fenced', 'locksLost', 'fileReplaced'] as const) db.events.on(name, () => void events.push(name));
  return db;
}

let alarms: string[] = [];

function plain(value: unknown): unknown {
  if (typeof value === 'bigint') return { big: String(value) };
  if (Buffer.isBuffer(value)) return { bytes: value.toString('hex') };
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value === 'object' && value !== null)
    return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, plain(each)]));
  return value ?? null;
}

function bound(value: Value): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if ('big' in value && typeof value.big === 'string') return BigInt(value.big);
  if ('bytes' in value && typeof value.bytes === 'string') return Buffer.from(value.bytes, 'hex');
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, bound(each)]));
}

function failed(error: unknown): Outcome['error'] {
  const { name, code, message } = error as Error & { code?: string };
  // The errors of this library carry a hint; those of Node and of better-sqlite3 do not.
  return { name, code: code ?? null, message, ours: typeof (error as { hint?: unknown }).hint === 'string' };
}

const nothing = { result: null, error: null, inner: [], skipped: false };

function attempt(run: () => unknown): Outcome {
  try {
    return { ...nothing, result: plain(run()) ?? 'ran' };
  } catch (error) {
    return { ...nothing, error: failed(error) };
  }
}

/** One call that does not wait. */
function perform(db: Ours, call: Call): Outcome {
  const iterator = call.beside ? db.prepare('SELECT name FROM pragma_function_list').iterate() : null;
  try {
    iterator?.next();
    const late: Outcome[] = [];
    return { ...attempt(() => simple(db, call, late)), inner: late };
  } finally {
    iterator?.return?.();
  }
}

/** The outcome of the text between preparation and execution goes to `between`. */
function simple(db: Ours, { way, text, values, bind, late }: Call, between: Outcome[]): unknown {
  const parameters = values.map(bound);
  if (way === 'exec') return void db.exec(text);
  if (way === 'pragma') return db.pragma(text);
  if (way === 'explain') return (db as unknown as { explain(text: string): unknown[] }).explain(text).length > 0;
  if (way === 'attach') {
    const [file, name] = parameters as [string, string];
    // better-sqlite3 has no such member: what it stands for is this statement.
    return ours ? void db.attach(file, name) : void db.prepare('ATTACH ? AS ?').run(file, name);
  }
  const statement = db.prepare(text);
  if (bind) statement.bind(...parameters);
  if (late !== '') between.push(attempt(() => void db.exec(late)));
  const given = bind ? [] : parameters;
  if (way === 'iterate') return [...statement.iterate(...given)];
  if (way === 'get') return statement.get(...given);
  if (way === 'all') return statement.all(...given);
  const { changes } = statement.run(...given);
  return { changes };
}

async function outcomeOf(db: Ours, call: Call): Promise<Outcome> {
  if (call.way === 'reader') return read(db, call);
  if (call.way !== 'transaction' && call.way !== 'write') return perform(db, call);
  // A write of the queue waits for the transaction of its own connection to end.
  if (call.way === 'write' && db.inTransaction) return { ...nothing, skipped: true };
  let inner: Outcome[] = [];
  const all = (): string => {
    inner = [];
    for (const each of call.inner) inner.push(perform(db, each));
    return 'done';
  };
  if (call.way === 'transaction') return { ...attempt(() => db.transaction(all)()), inner };
  if (!ours) return { ...attempt(() => db.transaction(all).immediate()), inner };
  try {
    return { ...nothing, result: await db.write(all), inner };
  } catch (error) {
    return { ...nothing, error: failed(error), inner };
  }
}

type ReadParameters = Parameters<Ours['reader']['all']>[1];

/** A reader takes one argument: an array of values, or an object of named ones. */
function parametersOf(values: readonly Value[]): ReadParameters {
  const [first] = values.map(bound);
  const isNamed = values.length === 1 && typeof first === 'object' && first !== null && !Buffer.isBuffer(first);
  return (isNamed ? first : values.map(bound)) as ReadParameters;
}

/** A reader sees what is committed, of the main database alone: raw is asked where that is the same. */
async function read(db: Ours, { text, values }: Call): Promise<Outcome> {
  if (ours) {
    try {
      return { ...nothing, result: plain(await db.reader.all(text, parametersOf(values))) };
    } catch (error) {
      return { ...nothing, error: failed(error) };
    }
  }
  const only = !db.inTransaction && db.prepare('SELECT count(*) FROM pragma_database_list').pluck().get() === 1;
  if (!only || /\b(?:pragma|attach|detach|vacuum|temp)\b|pragma_/i.test(text)) return { ...nothing, skipped: true };
  return attempt(() => {
    const statement = db.prepare(text);
    if (!statement.readonly) throw new TypeError('not for readers');
    return statement.all(...values.map(bound));
  });
}

interface SchemaState {
  readonly name: string;
  readonly file: string;
  readonly mode: string;
  readonly level: number;
  readonly locking: string;
}

/** A table-valued pragma is prepared each time it is read, so these statements can be kept. */
const schemaStates = `SELECT name AS name, file AS file, (SELECT journal_mode FROM pragma_journal_mode(name)) AS mode,
  (SELECT synchronous FROM pragma_synchronous(name)) AS level, (SELECT locking_mode FROM pragma_locking_mode(name)) AS locking
  FROM pragma_database_list WHERE file <> ''`;
const flags = {
  cell_size_check: 1,
  writable_schema: 0,
  ignore_check_constraints: 0,
  trusted_schema: 0,
};
// `PRAGMA full_column_names` changes every name that is not given.
const flagStates = `SELECT ${Object.keys(flags)
  .map(name => `(SELECT ${name} FROM pragma_${name}) AS ${name}`)
  .join(', ')}`;

/** The statements that look at a database; made once, because a look must not cost more than a call. */
interface Look {
  readonly schemas: () => SchemaState[];
  readonly flags: () => Readonly<Record<string, number>>;
  readonly rows: () => unknown;
  readonly seen: () => unknown;
}

function lookAt(db: Ours): Look {
  const [schemas, flagsNow] = [db.prepare(schemaStates), db.prepare(flagStates)];
  return {
    schemas: () => schemas.all() as SchemaState[],
    flags: () => flagsNow.get() as Record<string, number>,
    rows: () => attempt(() => db.prepare('SELECT * FROM main.t ORDER BY id').all()).result,
    seen: () =>
      attempt(() =>
        db.prepare("SELECT schema AS schema, mode AS mode, level AS level FROM main.seen WHERE file <> ''").all(),
      ).result,
  };
}

/** How a file must be committed to. */
function durabilityError(where: string, mode: string, level: number): string[] {
  const needed = mode === 'wal' ? 2 : ['delete', 'truncate', 'persist'].includes(mode) ? 3 : 4;
  return level >= needed ? [] : [`${where}: journal_mode ${mode} with synchronous ${level}`];
}

/** The protections of a connection that are not active, read back one by one. */
function unprotected(db: Ours, look: Look, setting: Setting): string[] {
  const wrong: string[] = [];
  const ask = (pragma: string): unknown => db.prepare(`PRAGMA ${pragma}`).pluck().get();
  const files = look.schemas();
  for (const { name, mode, level, locking } of files) {
    wrong.push(...durabilityError(name, mode, level));
    if (locking !== 'normal') wrong.push(`${name}: locking_mode ${locking}`);
    const mapped = ask(`"${name.replaceAll('"', '""')}".mmap_size`) ?? 0;
    if (mapped !== 0) wrong.push(`${name}: mmap_size ${JSON.stringify(mapped)}`);
  }
  // A database in memory has nothing that these could lose; `trusted_schema` is granted where it is not refused.
  const ofFiles = new Set(['cell_size_check', ...(setting === 'throw' ? [] : ['trusted_schema'])]);
  const now = look.flags();
  for (const [name, value] of Object.entries(flags)) {
    if (ofFiles.has(name) && (files.length === 0 || name === 'trusted_schema')) continue;
    if (now[name] !== value) wrong.push(`${name} is ${now[name]}`);
  }
  if (files.length > 0 && ask('wal_autocheckpoint') !== 0) wrong.push('wal_autocheckpoint is on');
  const moved = ask('temp_store_directory') ?? '';
  if (moved !== '') wrong.push(`temp_store_directory is ${JSON.stringify(moved)}`);
  return wrong;
}

function isDefensive(db: Ours): boolean {
  try {
    db.prepare('DELETE FROM main.f_data');
    return false;
  } catch (error) {
    return /may not be modified|no such table/.test((error as Error).message);
  }
}

/** What the writes of a case were made durable with, as they wrote it down. */
function weakWrites(look: Look): string[] {
  const rows = look.seen();
  if (!Array.isArray(rows)) return [];
  return (rows as { schema: string; mode: string | null; level: number | null }[]).flatMap(
    ({ schema: name, mode, level }) =>
      mode === null || level === null ? [] : durabilityError(`a write to ${name}`, mode, level),
  );
}

const withoutSuffix = (path: string): string => path.replace(/-(?:wal|shm|journal)$/, '');

/** Files that were made, changed or are open, and that no check of this library has seen. */
function unjudged(): string[] {
  const here = cwd();
  const wrong: string[] = [];
  const note = (what: string, path: string): void => {
    if (!judged.has(path) && !judged.has(withoutSuffix(path)))
      wrong.push(`${what} ${JSON.stringify(relative(here, path))}`);
  };
  for (const entry of readdirSync(here, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    if (!entry.isFile()) continue;
    const state = before.get(relative(here, path));
    if (state === undefined) note('made', path);
    else if (state !== stateOf(path)) note('changed', path);
  }
  for (const number of readdirSync('/proc/self/fd')) {
    const target = linkOf(number);
    // A temporary file of SQLite has no name any more.
    if (target.startsWith(`${here}/`) && !target.endsWith(' (deleted)')) note('opened', target);
  }
  return wrong;
}

function linkOf(descriptor: string): string {
  try {
    return readlinkSync(`/proc/self/fd/${descriptor}`);
  } catch {
    return '';
  }
}

/** `last`: also inspects the files, which costs more than everything else. */
function behind(db: Ours, look: Look, setting: Setting, outcome: Outcome, last: boolean): Behind {
  const find = (): string[] => [...unprotected(db, look, setting), ...weakWrites(look)];
  const wrong = ours ? find() : possibly(find);
  if (last && !isDefensive(db)) wrong.push('DEFENSIVE is off');
  const attached = ours && db.prepare('SELECT count(*) FROM pragma_database_list').pluck().get() !== 1;
  if (ours && (last || attached)) wrong.push(...unjudged());
  return { outcome, inTransaction: db.inTransaction, rows: look.rows(), wrong };
}

/** What a text did to raw may keep it from answering. */
function possibly(find: () => string[]): string[] {
  try {
    return find();
  } catch {
    return [];
  }
}

if (folder !== '') {
  makeTemplates();
  serve({
    async run({ setting, calls }: Case): Promise<Answer> {
      enterFolder(setting);
      const db = open(setting);
      const answers: Behind[] = [];
      const wrong: string[] = [];
      try {
        const look = lookAt(db);
        // SQLite opens it when it is first named, and not under EXPLAIN: for both of them it is open from the beginning.
        db.prepare('SELECT count(*) FROM temp.sqlite_schema').get();
        for (const [at, call] of calls.entries())
          answers.push(behind(db, look, setting, await outcomeOf(db, call), at === calls.length - 1));
        if (!ours && db.prepare('PRAGMA temp_store_directory').pluck().get()) db.pragma("temp_store_directory = ''");
      } finally {
        db.close();
        wrong.push(...alarms.map(name => `event ${name}`));
        const left = cwd();
        chdir(folder);
        rmSync(left, { recursive: true });
      }
      return { calls: answers, wrong };
    },
  });
}
