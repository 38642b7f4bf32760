/** The operations of the fault matrix: what stands before, what is done while the fault is armed. */
import { join } from 'node:path';
import { createLedger, insertTransaction, writeTransaction } from '../ledger.mts';
import type { Connection, Journal, Subject } from '../subject.mts';
import { attachedName, copyName, databaseName, type TemplateName } from './templates.mts';

/** What an operation works with: one folder, one subject, one connection at a time. */
export interface Stage {
  readonly subject: Subject;
  readonly folder: string;
  readonly file: string;
  connection: Connection | undefined;
  /** Commits a transaction to the ledgers of some databases and keeps the books about what was said of it. */
  commit(databases: readonly string[], write: (txn: number) => void): void;
  /** The same for a transaction whose COMMIT is awaited. */
  commitLater(databases: readonly string[], write: (txn: number) => Promise<void>): Promise<void>;
}

export interface Operation {
  readonly name: string;
  /** For docs/faults.md. */
  readonly title: string;
  readonly template: TemplateName | null;
  readonly journal: Journal;
  /** Brings the stage to where the operation begins; nothing is armed. */
  prepare?(stage: Stage): void | Promise<void>;
  act(stage: Stage): void | Promise<void>;
  /** A transaction over both files must be in both or in none, also after a crash: SQLite makes a super-journal. */
  readonly atomic?: true;
  /** Not every subject has every operation. */
  readonly only?: Subject['name'];
}

function connect(stage: Stage, journal: Journal, autocheckpoint = 0): Connection {
  return (stage.connection = stage.subject.open(stage.file, { journal, autocheckpoint, untimed: true }));
}

function opened(stage: Stage): Connection {
  if (stage.connection === undefined) throw new Error('The stage has no connection.');
  return stage.connection;
}

function commit(stage: Stage): void {
  stage.commit([databaseName], txn => writeTransaction(opened(stage).handle, txn));
}

/** A commit first, so that the WAL has frames to copy and the connection has everything open. */
function openAndCommit(journal: Journal, autocheckpoint?: number): (stage: Stage) => void {
  return stage => {
    connect(stage, journal, autocheckpoint);
    commit(stage);
  };
}

export const operations: readonly Operation[] = [
  {
    name: 'open-new',
    title: 'open a database that does not exist, create a table',
    template: null,
    journal: 'wal',
    act: stage => createLedger(connect(stage, 'wal').handle),
  },
  {
    name: 'open-existing',
    title: 'open a WAL database that was closed cleanly, read',
    template: 'wal-closed',
    journal: 'wal',
    act: stage => void connect(stage, 'wal').handle.prepare('SELECT count(*) FROM ledger').get(),
  },
  {
    name: 'recover-wal',
    title: 'open after a crash: recovery of the WAL, read',
    template: 'wal-crashed',
    journal: 'wal',
    act: stage => void connect(stage, 'wal').handle.prepare('SELECT count(*) FROM ledger').get(),
  },
  {
    name: 'recover-journal',
    title: 'open after a crash: roll a hot journal back, read',
    template: 'journal-crashed',
    journal: 'delete',
    act: stage => void connect(stage, 'delete').handle.prepare('SELECT count(*) FROM ledger').get(),
  },
  {
    name: 'commit-wal',
    title: 'commit in WAL mode',
    template: 'wal-closed',
    journal: 'wal',
    prepare: openAndCommit('wal'),
    act: commit,
  },
  {
    name: 'commit-delete',
    title: 'commit with a rollback journal (DELETE)',
    template: 'journal-closed',
    journal: 'delete',
    prepare: openAndCommit('delete'),
    act: commit,
  },
  {
    name: 'commit-truncate',
    title: 'commit with a rollback journal (TRUNCATE)',
    template: 'journal-closed',
    journal: 'truncate',
    prepare: openAndCommit('truncate'),
    act: commit,
    only: 'raw',
  },
  {
    name: 'commit-autocheckpoint',
    title: 'commit that starts an automatic checkpoint',
    template: 'wal-closed',
    journal: 'wal',
    // One page: every commit is followed by a checkpoint.
    prepare: openAndCommit('wal', 1),
    act: commit,
    only: 'raw',
  },
  {
    name: 'commit-scheduled',
    title: 'commit, and the checkpoint that the scheduler starts after it',
    template: 'wal-closed',
    journal: 'wal',
    prepare: async stage => {
      stage.connection = stage.subject.open(stage.file, { journal: 'wal', scheduled: true, untimed: true });
      await commitAndCheckpoint(stage);
    },
    act: commitAndCheckpoint,
    only: 'ours',
  },
  {
    name: 'checkpoint-passive',
    title: 'checkpoint, PASSIVE',
    template: 'wal-closed',
    journal: 'wal',
    prepare: openAndCommit('wal'),
    act: stage => checkpoint(stage, 'passive'),
  },
  {
    name: 'checkpoint-truncate',
    title: 'checkpoint, TRUNCATE',
    template: 'wal-closed',
    journal: 'wal',
    prepare: openAndCommit('wal'),
    act: stage => checkpoint(stage, 'truncate'),
  },
  {
    name: 'attach',
    title: 'attach a WAL database, read it',
    template: 'wal-closed-two',
    journal: 'wal',
    prepare: openAndCommit('wal'),
    act: stage => attach(stage),
  },
  {
    name: 'commit-attached',
    title: 'commit in an attached WAL database',
    template: 'wal-closed-two',
    journal: 'wal',
    prepare: stage => {
      openAndCommit('wal')(stage);
      attach(stage);
    },
    act: stage => stage.commit([attachedName], txn => writeTransaction(opened(stage).handle, txn, 'second')),
  },
  {
    name: 'commit-both-wal',
    title: 'commit in the database and an attached one, both in WAL mode',
    template: 'wal-closed-two',
    journal: 'wal',
    prepare: openTwo('wal', 'wal'),
    act: commitBoth,
  },
  {
    name: 'write-both-wal',
    title: 'the same by db.write',
    template: 'wal-closed-two',
    journal: 'wal',
    prepare: openTwo('wal', 'wal'),
    act: stage =>
      stage.commitLater([databaseName, attachedName], txn => {
        const connection = opened(stage);
        if (connection.write === undefined) throw new Error('This subject has no write queue.');
        return connection.write(() => insertInBoth(connection.handle, txn));
      }),
    only: 'ours',
  },
  {
    name: 'commit-wal-and-journal',
    title: 'commit in a WAL database and an attached one with a rollback journal',
    template: 'wal-and-journal',
    journal: 'wal',
    prepare: openTwo('wal', 'delete'),
    act: commitBoth,
  },
  {
    name: 'commit-both-journals',
    title: 'commit in the database and an attached one, both with rollback journals (one super-journal)',
    template: 'journal-closed-two',
    journal: 'delete',
    prepare: openTwo('delete', 'delete'),
    act: commitBoth,
    atomic: true,
  },
  {
    name: 'backup',
    title: 'backup over an older backup',
    template: 'wal-closed-copy',
    journal: 'wal',
    prepare: openAndCommit('wal'),
    act: stage => opened(stage).backup(join(stage.folder, copyName)),
  },
  {
    name: 'close',
    title: 'close of the last connection (WAL)',
    template: 'wal-closed',
    journal: 'wal',
    prepare: openAndCommit('wal'),
    act: stage => opened(stage).close(),
  },
];

function attach(stage: Stage): void {
  const connection = opened(stage);
  connection.attach(join(stage.folder, attachedName), 'second');
  connection.handle.prepare('SELECT count(*) FROM second.ledger').get();
}

/** The attached database keeps its journal mode, which ours would otherwise set to that of the connection. */
function openTwo(main: Journal, second: Journal): (stage: Stage) => void {
  return stage => {
    openAndCommit(main)(stage);
    attach(stage);
    opened(stage).handle.pragma(`second.journal_mode = ${second}`);
  };
}

function insertInBoth(handle: Connection['handle'], txn: number): void {
  insertTransaction(handle, txn);
  insertTransaction(handle, txn, 'second');
}

function commitBoth(stage: Stage): void {
  const { handle } = opened(stage);
  stage.commit([databaseName, attachedName], txn => handle.transaction(() => insertInBoth(handle, txn)).immediate());
}

async function commitAndCheckpoint(stage: Stage): Promise<void> {
  const checkpointed = opened(stage).nextCheckpoint?.();
  commit(stage);
  await checkpointed;
}

/** The code under which the result of a checkpoint that was not complete is noted. */
export const incompleteCheckpoint = 'CHECKPOINT_INCOMPLETE';

async function checkpoint(stage: Stage, mode: 'passive' | 'truncate'): Promise<void> {
  const outcome = await opened(stage).checkpoint(mode);
  // Nothing else has the file open, so an incomplete checkpoint was stopped by the fault and says so.
  if (!outcome.complete) throw Object.assign(new Error('checkpoint incomplete'), { code: incompleteCheckpoint });
}
