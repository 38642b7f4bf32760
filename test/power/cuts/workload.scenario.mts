/** One of the processes that work on a database until the power goes: everything an application does, in random order. */
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { seeded } from '../../faults/random.mts';
import { plainError, report, serve, type PlainError } from '../../faults/scenario.mts';
import { subjectNamed } from '../../faults/subjects.mts';
import type { Connection, OpenSettings, SubjectName } from '../../faults/subject.mts';
import type { Mark } from '../books/books.mts';
import { createTables } from '../books/plan-writer.mts';
import { txnOf } from '../books/plan.mts';
import { createTeller, queueOf } from '../books/teller.mts';

export interface Work {
  readonly subject: SubjectName;
  readonly settings: OpenSettings;
  readonly folder: string;
  /** Its transactions are numbered with it; no two processes that ever write to one file have the same. */
  readonly writer: number;
  readonly seed: number;
  /** Ends after so many commits, connections open: the disk is then at rest. Default: never. */
  readonly commits?: number;
  /** Default: all that the subject has. */
  readonly only?: readonly OperationName[];
}

/** What a process says, with the moment in nanoseconds on the clock that all processes share. */
export interface Said {
  readonly at: string;
  readonly mark?: Mark;
  /** It met a failure that is no lock, and ended. */
  readonly failed?: PlainError;
}

export const database = 'app.db';
export const attached = 'side.db';
export const copyOf = (writer: number): string => `copy-${writer % 10}.db`;

/** How often each is drawn. */
const weights = { commit: 60, both: 12, queue: 12, rollBack: 4, checkpoint: 6, reopen: 4, backup: 2 } as const;
export type OperationName = keyof typeof weights;

serve({ warm: subject => void subjectNamed(subject), work });

/** Longer than any lock is held here, so that a lock is never what ends a process. */
const timeoutMs = 20_000;

async function work(task: Work): Promise<void> {
  const { folder, writer } = task;
  const subject = await subjectNamed(task.subject);
  const say = (said: Omit<Said, 'at'>): void => report({ at: String(process.hrtime.bigint()), ...said });
  const teller = createTeller(task.subject, mark => say({ mark }));
  const random = seeded(task.seed);
  // Not everybody: with a rollback journal BEGIN IMMEDIATE over two files makes every commit one over two files.
  const attaches = task.only?.includes('both') ?? writer % 2 === 0;
  const drawn = (Object.keys(weights) as OperationName[]).filter(
    name => task.only?.includes(name) ?? (name !== 'both' || attaches),
  );
  const total = drawn.reduce((sum, name) => sum + weights[name], 0);
  let seq = 0;
  let committed = 0;
  const next = (): number => txnOf(writer, (seq += 1));

  const connect = (): Connection => {
    const opened = subject.open(join(folder, database), { ...task.settings, timeout: timeoutMs });
    createTables(opened.handle);
    if (attaches) {
      opened.attach(join(folder, attached), 'second');
      createTables(opened.handle, 'second');
    }
    return opened;
  };

  try {
    let connection = connect();
    const operations: Record<OperationName, () => unknown> = {
      commit: () => teller.commit(connection.handle, database, next()),
      both: () => teller.commitBoth(connection.handle, database, attached, next()),
      queue: () =>
        task.subject === 'ours'
          ? teller.queue(queueOf(connection), database, Array.from({ length: 1 + Math.floor(random() * 6) }, next))
          : teller.commit(connection.handle, database, next()),
      rollBack: () => teller.rollBack(connection.handle, database, next()),
      checkpoint: () => connection.checkpoint(random() < 0.5 ? 'passive' : 'truncate'),
      reopen: () => {
        connection.close();
        connection = connect();
      },
      backup: () => {
        const name = copyOf(writer);
        return teller.copy(name, database, () => connection.backup(join(folder, name)));
      },
    };
    while (committed < (task.commits ?? Infinity)) {
      let lot = random() * total;
      const name = drawn.find(each => (lot -= weights[each]) < 0) ?? 'commit';
      await operations[name]();
      committed += 1;
      // Timers, workers and the queue have their turn.
      await turn();
    }
  } catch (error) {
    say({ failed: plainError(error) });
  }
}
