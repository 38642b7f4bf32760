/** A writer of the soak: everything that writes, in random order, until it is stopped or the database is fenced. */
import { setTimeout as delay } from 'node:timers/promises';
import { FencedDatabaseError, openDatabase, type Database } from 'safe-sqlite';
import { seeded } from '../faults/random.mts';
import { plainError, serve } from '../support/fault-scenario.mts';
import type { Handle } from '../faults/subject.mts';
import { createLedger, enter } from './ledger.mts';
import { listen, measure, say } from './worker.mts';

export interface WriterTask {
  readonly file: string;
  readonly writer: number;
  readonly seed: number;
  /** The first number that no transaction of this writer has yet. */
  readonly firstToken: number;
  /** Folder of the scheduled backups; `null` for none. */
  readonly backups: string | null;
  readonly truncateAboveBytes: number;
}

let stopped = false;
let work: Promise<void> | undefined;
let token = 0;

serve({
  start(task: WriterTask) {
    work = run(task);
  },
  measure,
  async stop() {
    stopped = true;
    await work;
    return token;
  },
});

function open(task: WriterTask): Database {
  const database = openDatabase(task.file, {
    logger: false,
    // Longer than any lock is held here, also on a slow disk: a lock is never what fails.
    timeout: 30_000,
    checkpoint: { walBytes: 1 << 20, intervalMs: 3000, truncateAboveBytes: task.truncateAboveBytes },
    sentinel: { intervalMs: 250 },
    ...(task.backups !== null && { backup: { directory: task.backups, intervalMs: 3000, keep: { newest: 3 } } }),
  });
  listen(database);
  createLedger(database as unknown as Handle);
  return database;
}

async function run(task: WriterTask): Promise<void> {
  const random = seeded(task.seed);
  token = task.firstToken;
  let database = open(task);
  const write = (): number => {
    const mine = token;
    token += 1;
    say({ entry: { begin: mine } });
    return mine;
  };
  const settle = async (mine: number, transact: () => unknown): Promise<void> => {
    try {
      await transact();
      say({ entry: { committed: mine } });
    } catch (error) {
      say({ entry: { failed: mine, error: plainError(error) } });
      fail(error, 'a commit');
    }
  };
  const queued = (): Promise<void> => {
    const mine = write();
    return settle(mine, () => database.write(() => enter(database as unknown as Handle, task.writer, mine)));
  };
  try {
    while (!stopped) {
      const dice = random();
      if (dice < 0.01) {
        close(database);
        database = open(task);
      } else if (dice < 0.03)
        await attempt('a checkpoint', () => database.checkpoint(dice < 0.02 ? 'passive' : 'truncate'));
      else if (dice < 0.5) await Promise.all(Array.from({ length: 1 + Math.floor(random() * 8) }, queued));
      else {
        const mine = write();
        await settle(mine, () =>
          database.transaction(() => enter(database as unknown as Handle, task.writer, mine)).immediate(),
        );
      }
      await delay(random() * 20);
    }
  } catch (error) {
    // The event has said it already.
    if (!(error instanceof FencedDatabaseError)) throw error;
    say({ fenced: true });
  }
  close(database);
}

function close(database: Database): void {
  try {
    database.close();
  } catch (error) {
    fail(error, 'a close');
  }
}

async function attempt(during: string, act: () => Promise<unknown>): Promise<void> {
  try {
    await act();
  } catch (error) {
    fail(error, during);
  }
}

/** A fence ends the work; every other error is recorded, and the work goes on. */
function fail(error: unknown, during: string): void {
  if (error instanceof FencedDatabaseError) throw error;
  say({ error: plainError(error), during });
}
