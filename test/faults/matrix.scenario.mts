/** The child of the fault matrix: plays one operation after the other, each in a folder of its own, with faults armed. */
import { join } from 'node:path';
import type { LedgerExpectation } from './ledger.mts';
import { createLedger, writeTransaction } from './ledger.mts';
import { operations, type Operation, type Stage } from './matrix/operations.mts';
import {
  attachedName,
  copyName,
  copyTemplate,
  databaseName,
  firstNewTransaction,
  makeTemplates,
  templateTransactions,
  withAttached,
} from './matrix/templates.mts';
import { ownFaults, ownFolder, plainError, serve, type PlainError } from '../support/fault-scenario.mts';
import type { FaultRule } from '../support/fault-shim.mts';
import { subjectNamed } from './subjects.mts';
import type { SubjectName } from './subject.mts';

export interface ActAnswer {
  /** How often the fault struck; `seen` is how often it could have. */
  readonly hits: number;
  readonly seen: number;
  readonly error: PlainError | null;
  /** The first failure that an event told of. */
  readonly told: PlainError | null;
  readonly books: Books;
  /** Transactions that are in every database or in none. */
  readonly atomic: readonly number[];
}

/** What was said of the transactions of each database. */
export type Books = Readonly<Record<string, LedgerExpectation>>;

export interface FollowUpAnswer {
  /** `null`: it worked. */
  readonly read: PlainError | null;
  readonly write: PlainError | null;
  readonly books: Books;
}

interface LiveStage extends Stage {
  readonly operation: Operation;
  readonly atomic: number[];
  readonly accounts: Map<string, { acknowledged: number[]; unknown: number[] }>;
}

const faults = ownFaults();
// The matrix crashes processes, not the power, so no sync of it needs the disk: that makes a cell ten times shorter.
const unsynced: FaultRule = { calls: ['fsync', 'fdatasync', 'dirsync'], path: '*', count: 'all', action: 'lie' };
faults.arm(unsynced);
const templates = join(ownFolder(), 'templates');
let stage: LiveStage | undefined;

serve({
  templates: () => makeTemplates(templates),
  act,
  followUp,
  finish,
});

interface ActQuestion {
  readonly operation: string;
  readonly subject: SubjectName;
  readonly folder: string;
  readonly rules: readonly FaultRule[];
}

async function act(question: ActQuestion): Promise<ActAnswer> {
  const operation = operations.find(({ name }) => name === question.operation);
  if (operation === undefined) throw new Error(`No operation ${question.operation}.`);
  copyTemplate(templates, operation.template, question.folder);
  stage = await raise(operation, question);
  await operation.prepare?.(stage);
  faults.arm(...question.rules, unsynced);
  let error: PlainError | null = null;
  try {
    await operation.act(stage);
  } catch (thrown) {
    error = plainError(thrown);
  }
  // The fault is over before anything else is asked.
  const [counters] = faults.counters();
  faults.arm(unsynced);
  if (operation.name === 'backup') keepBackupBooks(stage, error);
  const [first] = stage.connection?.told ?? [];
  return {
    hits: counters?.hits ?? 0,
    seen: counters?.seen ?? 0,
    error,
    told: first === undefined ? null : plainError(first),
    books: books(stage),
    atomic: stage.atomic,
  };
}

async function raise(operation: Operation, question: ActQuestion): Promise<LiveStage> {
  const accounts: LiveStage['accounts'] = new Map();
  const account = (database: string, transactions: readonly number[]): void =>
    void accounts.set(database, { acknowledged: [...transactions], unknown: [] });
  account(databaseName, operation.template === null ? [] : templateTransactions);
  if (withAttached.has(operation.template ?? '')) account(attachedName, templateTransactions);
  let next = firstNewTransaction;
  const atomic: number[] = [];
  const begin = (databases: readonly string[]): { txn: number; ended: (...failure: readonly unknown[]) => void } => {
    const txn = next;
    next += 1;
    if (operation.atomic === true && databases.length > 1) atomic.push(txn);
    const ended = (...failure: readonly unknown[]): void => {
      for (const database of databases) {
        const entries = accounts.get(database);
        if (failure.length === 0) entries?.acknowledged.push(txn);
        else if (!isRolledBack(question.subject, failure[0])) entries?.unknown.push(txn);
      }
    };
    return { txn, ended };
  };
  return {
    operation,
    accounts,
    atomic,
    subject: await subjectNamed(question.subject),
    folder: question.folder,
    file: join(question.folder, databaseName),
    connection: undefined,
    commit(databases, write) {
      const { txn, ended } = begin(databases);
      try {
        write(txn);
      } catch (error) {
        ended(error);
        throw error;
      }
      ended();
    },
    async commitLater(databases, write) {
      const { txn, ended } = begin(databases);
      try {
        await write(txn);
      } catch (error) {
        ended(error);
        throw error;
      }
      ended();
    },
  };
}

/** Raw says nothing of a failed commit, so everything is allowed; ours says when the outcome is unknown, and is held to it. */
function isRolledBack(subject: SubjectName, error: unknown): boolean {
  return subject === 'ours' && plainError(error).commitOutcome !== 'unknown';
}

/** After a failed backup the old copy must stand, or the new one; after a good one, the new. */
function keepBackupBooks(live: LiveStage, error: PlainError | null): void {
  const source = live.accounts.get(databaseName)?.acknowledged ?? [];
  live.accounts.set(
    copyName,
    error === null
      ? { acknowledged: [...source], unknown: [] }
      : { acknowledged: [...templateTransactions], unknown: source.filter(txn => !templateTransactions.includes(txn)) },
  );
}

function followUp(): FollowUpAnswer {
  const live = current();
  const read = attempt(() => {
    // A close, or an open that failed, is followed by an open.
    if (live.connection?.handle.open !== true) {
      live.connection = undefined;
      live.connection = live.subject.open(live.file, { journal: live.operation.journal });
    }
    live.connection.handle.prepare('SELECT count(*) FROM sqlite_schema').get();
  });
  const handle = live.connection?.handle;
  if (handle === undefined) return { read, write: read, books: books(live) };
  const write = attempt(() => {
    createLedger(handle);
    live.commit([databaseName], txn => writeTransaction(handle, txn));
  });
  return { read, write, books: books(live) };
}

function finish(): PlainError | null {
  const live = current();
  stage = undefined;
  return attempt(() => {
    if (live.connection?.handle.open === true) live.connection.close();
  });
}

function attempt(run: () => void): PlainError | null {
  try {
    run();
    return null;
  } catch (error) {
    return plainError(error);
  }
}

function current(): LiveStage {
  if (stage === undefined) throw new Error('No operation was acted.');
  return stage;
}

function books(live: LiveStage): Books {
  // Copied: the answer says what was known at this moment.
  return structuredClone(Object.fromEntries(live.accounts));
}
