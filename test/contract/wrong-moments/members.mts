/** Every public member with a call that is right, and one that is wrong. */
import { join } from 'node:path';
import * as safeSqlite from 'safe-sqlite';
import type { Database, Statement } from 'safe-sqlite';

/** What a call is made on: one database with a table `t (a)` of rows, and a statement of each kind. */
export interface Subject {
  readonly db: Database;
  readonly file: string;
  readonly folder: string;
  readonly select: Statement<unknown[], unknown>;
  readonly insert: Statement<unknown[], unknown>;
}

export interface Member {
  /** The call that is right. */
  readonly call: (subject: Subject) => unknown;
  /** The same with an argument of a wrong type; absent where it takes none, or takes everything. */
  readonly wrong?: (subject: Subject) => unknown;
}

/** As a caller without types would: everything is allowed. */
// oxlint-disable-next-line typescript/no-explicit-any
type Untyped = any;

let names = 0;
const fresh = ({ folder }: Subject): string => join(folder, `fresh-${(names += 1)}.db`);
const read = (value: unknown): unknown => value;

export const databaseMembers: Readonly<Record<string, Member>> = {
  name: { call: ({ db }) => read(db.name) },
  open: { call: ({ db }) => read(db.open) },
  inTransaction: { call: ({ db }) => read(db.inTransaction) },
  readonly: { call: ({ db }) => read(db.readonly) },
  memory: { call: ({ db }) => read(db.memory) },
  plan: { call: ({ db }) => read(db.plan) },
  events: { call: ({ db }) => db.events.on('closed', () => {}) },
  health: { call: ({ db }) => db.health() },
  metrics: { call: ({ db }) => db.metrics() },
  prepare: { call: ({ db }) => db.prepare('SELECT 1'), wrong: ({ db }) => db.prepare(1 as Untyped) },
  exec: { call: ({ db }) => db.exec('SELECT 1'), wrong: ({ db }) => db.exec(1 as Untyped) },
  pragma: { call: ({ db }) => db.pragma('user_version'), wrong: ({ db }) => db.pragma(1 as Untyped) },
  explain: { call: ({ db }) => db.explain('SELECT 1'), wrong: ({ db }) => db.explain(1 as Untyped) },
  transaction: { call: ({ db }) => db.transaction(() => 1)(), wrong: ({ db }) => db.transaction(1 as Untyped) },
  write: {
    call: ({ db, insert }) => db.write(() => insert.run(8)),
    wrong: ({ db }) => db.write(1 as Untyped),
  },
  reader: {
    call: ({ db }) => db.reader.get('SELECT a FROM t'),
    wrong: ({ db }) => db.reader.get(1 as Untyped),
  },
  serialize: { call: ({ db }) => db.serialize(), wrong: ({ db }) => db.serialize(1 as Untyped) },
  checkpoint: { call: ({ db }) => db.checkpoint(), wrong: ({ db }) => db.checkpoint('full' as Untyped) },
  backup: { call: subject => subject.db.backup(fresh(subject)), wrong: ({ db }) => db.backup(1 as Untyped) },
  withSnapshot: { call: ({ db }) => db.withSnapshot(() => 1), wrong: ({ db }) => db.withSnapshot(1 as Untyped) },
  verify: { call: ({ db }) => db.verify(), wrong: ({ db }) => db.verify('deep' as Untyped) },
  attach: {
    call: subject => subject.db.attach(fresh(subject), 'other'),
    wrong: ({ db }) => db.attach(1 as Untyped, 'other'),
  },
  detach: { call: ({ db }) => db.detach('aux'), wrong: ({ db }) => db.detach(1 as Untyped) },
  function: { call: ({ db }) => db.function('f', () => 1), wrong: ({ db }) => db.function('f', 1 as Untyped) },
  aggregate: {
    call: ({ db }) => db.aggregate('g', { step: () => 1 }),
    wrong: ({ db }) => db.aggregate('g', 1 as Untyped),
  },
  table: {
    call: ({ db }) => db.table('v', { columns: ['a'], *rows() {} }),
    wrong: ({ db }) => db.table('v', 1 as Untyped),
  },
  loadExtension: {
    call: ({ db, folder }) => db.loadExtension(join(folder, 'missing.so')),
    wrong: ({ db }) => db.loadExtension(1 as Untyped),
  },
  defaultSafeIntegers: {
    call: ({ db }) => db.defaultSafeIntegers(false),
    wrong: ({ db }) => db.defaultSafeIntegers(1 as Untyped),
  },
  unsafeMode: { call: ({ db }) => db.unsafeMode(false), wrong: ({ db }) => db.unsafeMode(1 as Untyped) },
  close: { call: ({ db }) => db.close() },
  'Symbol(Symbol.dispose)': { call: ({ db }) => db[Symbol.dispose]() },
  'Symbol(Symbol.asyncDispose)': { call: ({ db }) => db[Symbol.asyncDispose]() },
};

export const readerMembers: Readonly<Record<string, Member>> = {
  all: {
    call: ({ db }) => db.reader.all('SELECT a FROM t WHERE a > ?', [0], { timeoutMs: 20_000 }),
    wrong: ({ db }) => db.reader.all('SELECT ?', [new Date() as Untyped]),
  },
  get: {
    call: ({ db }) => db.reader.get('SELECT a FROM t WHERE a = @a', { a: 1 }),
    wrong: ({ db }) => db.reader.get('SELECT 1', [], { timeoutMs: '1' as Untyped }),
  },
  iterate: {
    call: async ({ db }) => {
      for await (const row of db.reader.iterate('SELECT a FROM t')) read(row);
    },
    wrong: ({ db }) => db.reader.iterate('SELECT 1', [], { rows: 'maps' as Untyped }).next(),
  },
  snapshot: {
    call: ({ db }) => db.reader.snapshot(reader => reader.all('SELECT a FROM t')),
    wrong: ({ db }) => db.reader.snapshot(1 as Untyped),
  },
  warm: { call: ({ db }) => db.reader.warm(), wrong: ({ db }) => db.reader.warm(0) },
};

export const statementMembers: Readonly<Record<string, Member>> = {
  source: { call: ({ select }) => read(select.source) },
  reader: { call: ({ select }) => read(select.reader) },
  readonly: { call: ({ select }) => read(select.readonly) },
  database: { call: ({ select }) => read(select.database) },
  busy: { call: ({ select }) => read(select.busy) },
  run: { call: ({ insert }) => insert.run(8), wrong: ({ insert }) => insert.run(() => {}) },
  get: { call: ({ select }) => select.get(), wrong: ({ insert }) => insert.get(1) },
  all: { call: ({ select }) => select.all(), wrong: ({ insert }) => insert.all(1) },
  iterate: { call: ({ select }) => [...select.iterate()], wrong: ({ insert }) => insert.iterate(1) },
  bind: { call: ({ db }) => db.prepare('SELECT ?').bind(1), wrong: ({ select }) => select.bind({}, {}) },
  pluck: { call: ({ select }) => select.pluck(false), wrong: ({ select }) => select.pluck(1 as Untyped) },
  expand: { call: ({ select }) => select.expand(false), wrong: ({ select }) => select.expand(1 as Untyped) },
  raw: { call: ({ select }) => select.raw(false), wrong: ({ select }) => select.raw(1 as Untyped) },
  safeIntegers: {
    call: ({ select }) => select.safeIntegers(false),
    wrong: ({ select }) => select.safeIntegers(1 as Untyped),
  },
  columns: { call: ({ select }) => select.columns(), wrong: ({ insert }) => insert.columns() },
  // oxlint-disable-next-line typescript/no-base-to-string -- a statement has its own toString
  toString: { call: ({ select }: Subject) => select.toString() },
};

export const packageFunctions: Readonly<Record<string, Member>> = {
  Database: {
    call: ({ file }) => new safeSqlite.Database(file, { logger: false, fileMustExist: true }).close(),
    wrong: () => new safeSqlite.Database(1 as Untyped),
  },
  openDatabase: {
    call: ({ file }) => safeSqlite.openDatabase(file, { logger: false, fileMustExist: true }).close(),
    wrong: () => safeSqlite.openDatabase(1 as Untyped),
  },
  metricsText: {
    call: ({ db }) => safeSqlite.metricsText({ db }),
    wrong: () => safeSqlite.metricsText({ db: 1 as Untyped }),
  },
  inspectFilesystem: {
    call: ({ file }) => safeSqlite.inspectFilesystem(file),
    wrong: () => safeSqlite.inspectFilesystem(1 as Untyped),
  },
  verifyDatabase: {
    call: ({ file }) => safeSqlite.verifyDatabase(file),
    wrong: () => safeSqlite.verifyDatabase(1 as Untyped),
  },
  diagnose: { call: ({ file }) => safeSqlite.diagnose(file), wrong: () => safeSqlite.diagnose(1 as Untyped) },
  restoreDatabase: {
    call: ({ file, folder }) => safeSqlite.restoreDatabase({ from: join(folder, 'backup.db'), to: file }),
    wrong: () => safeSqlite.restoreDatabase(1 as Untyped),
  },
  readFence: { call: ({ file }) => safeSqlite.readFence(file), wrong: () => safeSqlite.readFence(1 as Untyped) },
  clearFence: { call: ({ file }) => safeSqlite.clearFence(file), wrong: () => safeSqlite.clearFence(1 as Untyped) },
  closeAllDatabases: { call: () => safeSqlite.closeAllDatabases() },
  installProcessGuard: { call: () => safeSqlite.installProcessGuard()() },
};
