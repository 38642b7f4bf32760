/** Runs cells of the matrix: acts in a child under the shim, copies the files at each stage, checks the copies here. */
import { copyFileSync, existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { checkLedger, transactionsIn } from '../ledger.mts';
import type { ActAnswer, Books, FollowUpAnswer } from '../matrix.scenario.mts';
import type { PlainError } from '../../support/fault-scenario.mts';
import { createFaultBench, ScenarioEndedError, type FaultBench, type Scenario } from '../../support/fault-shim.mts';
import type { SubjectName } from '../subject.mts';
import { countCalls, faultsOfCall, nameOf, ruleOf, type CallCount, type Cell } from './cells.mts';
import { operations } from './operations.mts';
import { attachedName, databaseName } from './templates.mts';

const program = join(import.meta.dirname, '..', 'matrix.scenario.mts');
// SQLite gives up on the lock of a -shm after about ten seconds; a cell that takes longer than this hangs.
const cellLimitMs = 40_000;

export interface Outcome {
  readonly cell: Cell;
  readonly subject: SubjectName;
  /** How often the fault struck; 0 when the operation did not come that far. */
  readonly hits: number;
  /** What the operation threw; `null` when it reported success. */
  readonly error: PlainError | null;
  /** What an event told of; `null` for nothing. */
  readonly told: PlainError | null;
  /** What a read and a write on the same connection met after the fault was over. */
  readonly followUp: Omit<FollowUpAnswer, 'books'>;
  readonly closeError: PlainError | null;
  /** What was wrong with the files: after the operation, after the follow-up (both as a crash leaves them), after close. */
  readonly afterCrash: readonly string[];
  readonly afterFollowUp: readonly string[];
  readonly afterClose: readonly string[];
}

export interface MatrixRunner extends AsyncDisposable {
  /** Counts the calls of one operation, or of every one that the subject has, when nothing fails. */
  count(only?: string): Promise<CallCount[]>;
  run(cell: Cell): Promise<Outcome>;
}

export async function startMatrix(subject: SubjectName): Promise<MatrixRunner> {
  const bench = createFaultBench({ log: true });
  let child = await startChild(bench);
  let played = 0;
  const graves = join(bench.folder, 'graves');
  mkdirSync(graves);

  /** A fenced file stays fenced for its process, by its inode: that must not come back as the file of a later cell. */
  const bury = (folder: string): void => {
    for (const name of [databaseName, attachedName])
      if (existsSync(join(folder, name))) renameSync(join(folder, name), join(graves, `${played}-${name}`));
  };

  const freshFolder = (): string => {
    played += 1;
    return join(bench.folder, `cell-${played}`);
  };

  return {
    async count(only) {
      const counts: CallCount[] = [];
      for (const { name } of operations.filter(
        each => (each.only ?? subject) === subject && (only ?? each.name) === each.name,
      )) {
        const folder = freshFolder();
        const calls = Object.keys(faultsOfCall) as Cell['call'][];
        writeFileSync(join(bench.folder, 'log'), '');
        const rules = [{ calls, path: `${folder}*`, action: 'count' as const }];
        const answer = await child.ask<ActAnswer>('act', { operation: name, subject, folder, rules });
        if (answer.error !== null) throw new Error(`${name} fails without a fault: ${JSON.stringify(answer.error)}`);
        counts.push(...countCalls(name, bench.log(), folder));
        await child.ask('finish');
        rmSync(folder, { recursive: true });
      }
      return counts;
    },

    async run(cell) {
      const folder = freshFolder();
      const watchdog = setTimeout(() => child.kill(), cellLimitMs);
      try {
        const outcome = await play(child, cell, subject, folder);
        if (outcome.followUp.read !== null || outcome.followUp.write !== null) bury(folder);
        return outcome;
      } catch (error) {
        if (!(error instanceof ScenarioEndedError)) throw error;
        child = await startChild(bench);
        throw new Error(`${nameOf(cell)} ended its process or hung: ${error.message}`, { cause: error });
      } finally {
        clearTimeout(watchdog);
        rmSync(folder, { recursive: true, force: true });
      }
    },

    async [Symbol.asyncDispose]() {
      child.kill();
      await child.ended;
      bench[Symbol.dispose]();
    },
  };
}

async function startChild(bench: FaultBench): Promise<Scenario> {
  const child = bench.start(program);
  await child.ask('templates');
  return child;
}

async function play(child: Scenario, cell: Cell, subject: SubjectName, folder: string): Promise<Outcome> {
  const rules = [ruleOf(cell, folder)];
  const acted = await child.ask<ActAnswer>('act', { operation: cell.operation, subject, folder, rules });
  const afterCrash = checkCopy(folder, acted.books, acted.atomic);
  const { books, read, write } = await child.ask<FollowUpAnswer>('followUp');
  const afterFollowUp = checkCopy(folder, { ...acted.books, ...books }, acted.atomic);
  const closeError = await child.ask<PlainError | null>('finish');
  const afterClose = checkCopy(folder, books, acted.atomic);
  return {
    cell,
    subject,
    hits: acted.hits,
    error: acted.error,
    told: acted.told,
    followUp: { read, write },
    closeError,
    afterCrash,
    afterFollowUp,
    afterClose,
  };
}

/**
 * What a process that starts after a crash would find: all files but the `-shm`, which recovery does not trust. A
 * super-journal is found in its own folder, because the journals that belong to it name it by its path.
 */
function checkCopy(folder: string, books: Books, atomic: readonly number[]): string[] {
  const copy = join(folder, 'crash-copy');
  mkdirSync(copy);
  const faults: string[] = [];
  const databases = Object.keys(books);
  for (const database of databases) {
    for (const suffix of ['', '-wal', '-journal'])
      if (existsSync(join(folder, database + suffix)))
        copyFileSync(join(folder, database + suffix), join(copy, database + suffix));
  }
  for (const [database, expected] of Object.entries(books)) {
    const prefix = databases.length > 1 ? `${database}: ` : '';
    faults.push(...checkLedger(join(copy, database), expected).map(fault => prefix + fault));
  }
  if (atomic.length > 0 && faults.length === 0) {
    const found = databases.map(database => transactionsIn(join(copy, database)));
    for (const txn of atomic)
      if (found.some(each => each.has(txn)) && !found.every(each => each.has(txn)))
        faults.push(`transaction ${txn} is in one file and not in the other`);
  }
  rmSync(copy, { recursive: true });
  return faults;
}
