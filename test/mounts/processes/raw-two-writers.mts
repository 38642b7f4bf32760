/** Runs two processes with raw better-sqlite3 that reach one file by two ways, and records their results and rows. */
import { firstFailure, remove, value, type Failure, type Mode, type RawPeer } from './steps.mts';

/** What two writers on different paths got as answers, and what the file holds in the end. */
export interface TwoWriters {
  /** Commits that returned without an error. */
  readonly acknowledged: number;
  /** Code and statement of each failure, in order. */
  readonly refused: readonly string[];
  /** Rows that a new connection finds, or the code that it gets. */
  readonly found: number | string;
  readonly integrity: string;
}

/** One of the two: a process, and the path by which it reaches the file. */
export type Writer = readonly [peer: RawPeer, file: string];

/** Creates the table through the first way, lets `write` count commits and refusals, counts the rows afterwards. */
async function witnessed(
  [peer, file]: Writer,
  mode: Mode,
  write: (committed: (failure: Failure | undefined) => void) => Promise<void>,
): Promise<TwoWriters> {
  await peer.ask({ do: 'open', file });
  await value(peer, `PRAGMA journal_mode = ${mode}`);
  const unprepared = await firstFailure(peer, ['CREATE TABLE t (who)']);
  if (unprepared !== undefined) throw new Error(`${unprepared.code} at ${unprepared.at}: ${mode} does not work here`);
  await peer.ask({ do: 'close' });

  let acknowledged = 0;
  const refused: string[] = [];
  await write(failure => {
    if (failure === undefined) acknowledged += 1;
    else refused.push(`${failure.code} at ${failure.at}`);
  });

  await peer.ask({ do: 'open', file });
  const found = await value(peer, 'SELECT count(*) FROM t');
  const integrity = await value(peer, 'PRAGMA integrity_check');
  await peer.ask({ do: 'close' });
  remove(file);
  return { acknowledged, refused, found: /^\d+$/.test(found) ? Number(found) : found, integrity };
}

/**
 * Two processes write at the same time, as the locks of SQLite must forbid:
 *
 * ```
 *   first                          second
 *   BEGIN IMMEDIATE, reads
 *                                  BEGIN IMMEDIATE: here the lock of the first must keep it out
 *                                  reads, INSERT, COMMIT
 *   INSERT, COMMIT
 * ```
 */
export function atOnce([first, firstFile]: Writer, [second, secondFile]: Writer, mode: Mode): Promise<TwoWriters> {
  return witnessed([first, firstFile], mode, async committed => {
    const begin = ['BEGIN IMMEDIATE', 'SELECT * FROM t'];
    await first.ask({ do: 'open', file: firstFile });
    await firstFailure(first, begin);
    await second.ask({ do: 'open', file: secondFile });
    committed(await firstFailure(second, [...begin, "INSERT INTO t VALUES ('second')", 'COMMIT']));
    committed(await firstFailure(first, ["INSERT INTO t VALUES ('first')", 'COMMIT']));
    await second.ask({ do: 'close' });
    await first.ask({ do: 'close' });
  });
}

/**
 * Two processes keep the file open and write in turns, never at the same time: correct even without locks, as long
 * as each sees what the other has written.
 */
export function inTurns([first, firstFile]: Writer, [second, secondFile]: Writer, mode: Mode): Promise<TwoWriters> {
  return witnessed([first, firstFile], mode, async committed => {
    await first.ask({ do: 'open', file: firstFile });
    await second.ask({ do: 'open', file: secondFile });
    for (const [peer, who] of [
      [first, 'first'],
      [second, 'second'],
      [first, 'first'],
      [second, 'second'],
    ] as const) {
      const failure = await firstFailure(peer, [`INSERT INTO t VALUES ('${who}')`]);
      committed(failure);
      if (failure !== undefined) break;
    }
    await second.ask({ do: 'close' });
    await first.ask({ do: 'close' });
  });
}
