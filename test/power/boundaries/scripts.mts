/** The runs whose every write boundary is tried: short, and the same calls each time. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createTables } from '../books/plan-writer.mts';
import { txnOf } from '../books/plan.mts';
import { queueOf, type Teller } from '../books/teller.mts';
import type { Connection, Journal, OpenSettings, Subject } from '../../faults/subject.mts';

export interface Stage {
  readonly folder: string;
  readonly subject: Subject;
  readonly settings: OpenSettings;
  readonly teller: Teller;
  /** The number of the next transaction. */
  readonly next: () => number;
}

export interface Script {
  readonly name: string;
  /** What the results page says. */
  readonly title: string;
  readonly journal: Journal;
  /** Leaves the files from which the run begins; nothing of it is recorded. */
  prepare?(stage: Stage): void | Promise<void>;
  run(stage: Stage): void | Promise<void>;
  /** Cannot be read before the run; until a restore has succeeded it may stay as it was, byte by byte. */
  readonly damaged?: string;
  /** Its transactions go over both files, and must be in both or in none. */
  readonly atomicOver?: readonly string[];
  /** The script takes this file away itself, so nothing of it can be expected. */
  readonly takenAway?: string;
  /** Not every subject has every operation. */
  readonly only?: Subject['name'];
}

export const database = 'app.db';
export const attached = 'side.db';
export const copy = 'copy.db';

/** The connection of a script, with the settings of its stage. */
export function open(stage: Stage): Connection {
  return stage.subject.open(join(stage.folder, database), stage.settings);
}

export function commit(stage: Stage, { handle }: Connection, times = 1): void {
  for (let each = 0; each < times; each += 1) stage.teller.commit(handle, database, stage.next());
}

/** A database with some transactions, closed cleanly. */
export function prepared(stage: Stage): void {
  const connection = open(stage);
  createTables(connection.handle);
  commit(stage, connection, 8);
  connection.close();
}

/** The same, but the process ends in the middle of a transaction that has written to its files already. */
function crashed(stage: Stage): void {
  prepared(stage);
  const connection = open(stage);
  commit(stage, connection, 3);
  // So small that the transaction spills into the files before it commits.
  connection.handle.pragma('cache_size = 4');
  connection.handle.exec("BEGIN IMMEDIATE; UPDATE line SET pad = replace(pad, ':', ';'); DELETE FROM slot");
  process.kill(process.pid, 'SIGKILL');
}

/** A backup, and beside it a database that SQLite cannot read, with a WAL that is sound in itself. */
async function damaged(stage: Stage, damage: (content: Buffer) => Buffer): Promise<void> {
  prepared(stage);
  const file = join(stage.folder, database);
  let connection = open(stage);
  await stage.teller.copy(copy, database, () => connection.backup(join(stage.folder, copy)));
  commit(stage, connection, 3);
  connection.close();
  connection = open(stage);
  // Changes pages, but not the first one, whose loss makes a database unreadable.
  connection.handle.exec("UPDATE line SET pad = replace(pad, ':', ';')");
  const wal = readFileSync(`${file}-wal`);
  connection.close();
  writeFileSync(`${file}-wal`, wal);
  writeFileSync(file, damage(readFileSync(file)));
}

async function restoreDamaged(stage: Stage): Promise<void> {
  await restore(stage);
  goOn(stage);
}

/** Everything that a database lives through between two backups. */
async function life(stage: Stage): Promise<void> {
  let connection = open(stage);
  createTables(connection.handle);
  commit(stage, connection, 9);
  stage.teller.rollBack(connection.handle, database, stage.next());
  await connection.checkpoint('passive');
  commit(stage, connection, 5);
  connection.handle.exec('CREATE INDEX line_by_pad ON line (pad)');
  await connection.checkpoint('truncate');
  commit(stage, connection, 3);
  connection.close();
  connection = open(stage);
  commit(stage, connection, 3);
  connection.handle.exec('VACUUM');
  commit(stage, connection, 2);
  connection.close();
}

function bothFiles(stage: Stage): void {
  const connection = open(stage);
  createTables(connection.handle);
  connection.attach(join(stage.folder, attached), 'second');
  createTables(connection.handle, 'second');
  for (let each = 0; each < 6; each += 1) stage.teller.commitBoth(connection.handle, database, attached, stage.next());
  connection.close();
}

async function copyOver(stage: Stage): Promise<void> {
  const connection = open(stage);
  for (let each = 0; each < 2; each += 1) {
    await stage.teller.copy(copy, database, () => connection.backup(join(stage.folder, copy)));
    commit(stage, connection, 4);
  }
  connection.close();
}

async function restore(stage: Stage): Promise<void> {
  const { restoreDatabase } = await import('safe-sqlite');
  await stage.teller.copy(database, copy, () =>
    restoreDatabase({ from: join(stage.folder, copy), to: join(stage.folder, database) }),
  );
}

async function restoreOver(stage: Stage): Promise<void> {
  let connection = open(stage);
  await stage.teller.copy(copy, database, () => connection.backup(join(stage.folder, copy)));
  commit(stage, connection, 4);
  connection.close();
  await restore(stage);
  connection = open(stage);
  commit(stage, connection, 3);
  connection.close();
}

function goOn(stage: Stage): void {
  const connection = open(stage);
  commit(stage, connection, 4);
  connection.close();
}

async function queued(stage: Stage): Promise<void> {
  const connection = open(stage);
  for (const size of [1, 4, 2, 6]) {
    const txns = Array.from({ length: size }, stage.next);
    await stage.teller.queue(queueOf(connection), database, txns);
  }
  connection.close();
}

export function scriptNamed(name: string): Script {
  const script = scripts.find(each => each.name === name);
  if (script === undefined)
    throw new Error(`No script ${name}: there are ${scripts.map(each => each.name).join(', ')}.`);
  return script;
}

export const scripts: readonly Script[] = [
  { name: 'life-wal', title: 'a whole life in WAL mode', journal: 'wal', run: life },
  { name: 'life-rollback', title: 'a whole life with a rollback journal', journal: 'delete', run: life },
  {
    name: 'recover-wal',
    title: 'open after a crash in WAL mode, go on',
    journal: 'wal',
    prepare: crashed,
    run: goOn,
  },
  {
    name: 'recover-rollback',
    title: 'open with a hot journal, go on',
    journal: 'delete',
    prepare: crashed,
    run: goOn,
  },
  { name: 'attached-wal', title: 'transactions over two files, WAL', journal: 'wal', run: bothFiles },
  {
    name: 'attached-rollback',
    title: 'transactions over two files, rollback journals',
    journal: 'delete',
    run: bothFiles,
    atomicOver: [database, attached],
  },
  { name: 'queue', title: 'the write queue', journal: 'wal', prepare: prepared, run: queued, only: 'ours' },
  {
    name: 'backup',
    title: 'backups, the second over the first',
    journal: 'wal',
    prepare: prepared,
    run: copyOver,
    only: 'ours',
  },
  {
    name: 'restore',
    title: 'a restore over a live database',
    journal: 'wal',
    prepare: prepared,
    run: restoreOver,
    only: 'ours',
  },
  {
    name: 'restore-rollback',
    title: 'a restore over a database with a rollback journal',
    journal: 'delete',
    prepare: prepared,
    run: restoreOver,
    only: 'ours',
  },
  {
    name: 'restore-damaged',
    title: 'a restore over a database that cannot be read, with its WAL',
    journal: 'wal',
    prepare: stage => damaged(stage, content => content.fill('x', 0, 100)),
    run: restoreDamaged,
    damaged: database,
    only: 'ours',
  },
  {
    name: 'restore-emptied',
    title: 'a restore over a database that was emptied, with its WAL',
    journal: 'wal',
    prepare: stage => damaged(stage, () => Buffer.alloc(0)),
    run: restoreDamaged,
    damaged: database,
    only: 'ours',
  },
];

/** Numbers of one writer, from `first` on. */
export function counter(first: number): () => number {
  let seq = first;
  return () => txnOf(1, seq++);
}
