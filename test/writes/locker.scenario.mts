/** Another process with raw better-sqlite3 on the same file: holds locks, writes, reads. */
import Database from 'better-sqlite3';
import { setTimeout as delay } from 'node:timers/promises';
import { report, serve } from '../support/fault-scenario.mts';

let db: Database.Database | undefined;
/** Resolves when the last `holdFor` has given the lock back: the writes that it was for may be settled before. */
let held = Promise.resolve();
let clutching: NodeJS.Timeout | undefined;
const open = (): Database.Database => {
  if (db === undefined) throw new Error('open it first');
  return db;
};

serve({
  open: async (file: string) => {
    await held;
    db = new Database(file, { timeout: 5000 });
  },
  exec: (sql: string) => {
    open().exec(sql);
  },
  all: (sql: string) => open().prepare(sql).all(),
  /** Takes the write lock now and gives it back after so many milliseconds, without being asked again. */
  holdFor: async (milliseconds: number) => {
    await held;
    open().exec('BEGIN IMMEDIATE');
    held = delay(milliseconds).then(() => {
      open().exec('COMMIT');
      report('released');
    });
  },
  /** From now on until `letGo` it has the lock, but for the microseconds between a COMMIT and the next BEGIN. */
  clutch: (holdMs: number) => {
    open().exec('BEGIN IMMEDIATE');
    clutching = setInterval(() => open().exec('COMMIT; BEGIN IMMEDIATE'), holdMs);
  },
  letGo: () => {
    clearInterval(clutching);
    open().exec('COMMIT');
  },
  /** Takes and gives back the lock in a loop, with a pause between. */
  hammer: async ({ times, holdMs, pauseMs }: { times: number; holdMs: number; pauseMs: number }) => {
    for (let done = 0; done < times; done += 1) {
      open().exec("BEGIN IMMEDIATE; INSERT INTO t (x) VALUES ('other')");
      await delay(holdMs);
      open().exec('COMMIT');
      await delay(pauseMs);
    }
  },
});
