/** One of the processes that work on a database until the power goes: everything an application does, in random order. */
import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { seeded } from '../../faults/random.mts';
import { plainError, report, serve, type PlainError } from '../../support/fault-scenario.mts';
import { subjectNamed } from '../../faults/subjects.mts';
import type { Connection, OpenSettings, SubjectName } from '../../faults/subject.mts';
import type { Mark } from '../books/books.mts';
import { createTables } from '../books/plan-writer.mts';
import { txnOf } from '../books/plan.mts';
import { createTeller, queueOf, type Teller } from '../books/teller.mts';

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
  /** It has carried this out. */
  readonly did?: OperationName;
  /** It met a failure that is no lock, and ended. */
  readonly failed?: PlainError;
}

export const database = 'app.db';
export const attached = 'side.db';
export const copyOf = (writer: number): string => `copy-${writer % 10}.db`;
export const restoredOf = (writer: number): string => `restored-${writer % 10}.db`;

/** How often each is drawn. */
const weights = {
  commit: 60,
  both: 12,
  queue: 12,
  rollBack: 4,
  checkpoint: 6,
  reopen: 4,
  backup: 2,
  restore: 2,
} as const;
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
  // Not every writer: with a rollback journal BEGIN IMMEDIATE over two files makes every commit one over two files.
  const attaches = task.only?.includes('both') ?? writer % 2 === 0;
  const has: Partial<Record<OperationName, boolean>> = { both: attaches, restore: task.subject === 'ours' };
  const drawn = (Object.keys(weights) as OperationName[]).filter(
    name => task.only?.includes(name) ?? has[name] ?? true,
  );
  const total = drawn.reduce((sum, name) => sum + weights[name], 0);
  let seq = 0;
  let committed = 0;
  let copied = false;
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
      backup: async () => {
        const name = copyOf(writer);
        await teller.copy(name, database, () => connection.backup(join(folder, name)));
        copied = true;
      },
      restore: async () => {
        // It is unknown which copy a crash has interrupted, so the content of a restore of it is unknown as well.
        if (!copied) await operations.backup();
        const name = restoredOf(writer);
        await restoreOver(teller, folder, name, copyOf(writer));
        // A life of its own, so that the next restore replaces more than a copy.
        const restored = subject.open(join(folder, name), { ...task.settings, timeout: timeoutMs });
        teller.commit(restored.handle, name, next());
        restored.close();
      },
    };
    while (committed < (task.commits ?? Infinity)) {
      let lot = random() * total;
      const name = drawn.find(each => (lot -= weights[each]) < 0) ?? 'commit';
      await operations[name]();
      say({ did: name });
      committed += 1;
      // Timers, workers and the queue have their turn.
      await turn();
    }
  } catch (error) {
    say({ failed: plainError(error) });
  }
}

async function restoreOver(teller: Teller, folder: string, name: string, copy: string): Promise<void> {
  const { restoreDatabase } = await import('safe-sqlite');
  await teller.copy(name, copy, () => restoreDatabase({ from: join(folder, copy), to: join(folder, name) }));
  // The old ones are kept beside it until they are deleted by hand, also those of restores that a cut has interrupted.
  for (const each of readdirSync(folder)) if (each.startsWith(`${name}.before-restore-`)) rmSync(join(folder, each));
}
