/** A writer that works until it is killed: it says what it is about to commit, and what became of it. */
import { setImmediate } from 'node:timers/promises';
import { createLedger, insertTransaction, writeTransaction } from './ledger.mts';
import { seeded } from './random.mts';
import { plainError, report } from '../support/fault-scenario.mts';
import type { WriterReport, WriterTask } from './kill/round.mts';
import { subjectNamed } from './subjects.mts';

const task = JSON.parse(process.argv[2] ?? '') as WriterTask;
const random = seeded(task.seed);
// Longer than any writer of a round holds the lock.
const settings = { journal: task.journal, timeout: 10_000, autocheckpoint: 20 } as const;
const subject = await subjectNamed(task.subject);

let next = task.firstTransaction;
let connection = patiently(() => subject.open(task.file, settings));
patiently(() => createLedger(connection.handle));
say({ ready: task.writer });

while (next < task.firstTransaction + task.transactions) {
  const dice = random();
  if (dice < 0.03) {
    connection.close();
    connection = patiently(() => subject.open(task.file, settings));
  } else if (dice < 0.1 && task.journal === 'wal') await checkpoint(random() < 0.5 ? 'passive' : 'truncate');
  else if (dice < 0.4 && connection.write !== undefined) await Promise.all([groupWrite(), groupWrite(), groupWrite()]);
  else settle(takeNumber(), txn => writeTransaction(connection.handle, txn));
  // The event loop turns, so that timers and workers of the subject have their say.
  await setImmediate();
}
connection.close();
say({ done: task.writer });

function takeNumber(): number {
  const txn = next;
  next += 1;
  say({ begin: txn });
  return txn;
}

function settle(txn: number, write: (txn: number) => void): void {
  try {
    write(txn);
    say({ committed: txn });
  } catch (error) {
    say({ failed: txn, error: plainError(error) });
  }
}

async function groupWrite(): Promise<void> {
  const txn = takeNumber();
  try {
    await connection.write?.(() => insertTransaction(connection.handle, txn));
    say({ committed: txn });
  } catch (error) {
    say({ failed: txn, error: plainError(error) });
  }
}

async function checkpoint(mode: 'passive' | 'truncate'): Promise<void> {
  try {
    await connection.checkpoint(mode);
  } catch (error) {
    say({ checkpointFailed: plainError(error) });
  }
}

/** The others are at the file too, and one of them may just have been killed: BUSY at open is no fault. */
function patiently<T>(run: () => T): T {
  for (let tries = 1; ; tries += 1) {
    try {
      return run();
    } catch (error) {
      if (tries === 20 || !plainError(error).code?.startsWith('SQLITE_BUSY')) throw error;
    }
  }
}

function say(message: WriterReport): void {
  report(message);
}
