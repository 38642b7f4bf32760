/** Two processes that keep one file open by two ways and write at the same time, round after round. */
import { firstFailure, value, type Mode } from './steps.mts';
import type { Writer } from './raw-two-writers.mts';

export interface Rounds {
  readonly acknowledged: number;
  /** Every failure, with the round in which it came. */
  readonly failures: readonly string[];
  /** Rows of each writer that a new connection finds. */
  readonly found: Readonly<Record<'first' | 'second', number>>;
  readonly integrity: string;
}

/**
 * Each round, nothing of which depends on luck:
 *
 * ```
 *   first                               second
 *   BEGIN IMMEDIATE, reads
 *                                       BEGIN IMMEDIATE: one kernel would answer SQLITE_BUSY here
 *                                       reads, INSERT, COMMIT
 *   INSERT, COMMIT
 * ```
 */
export async function writeRounds(
  [first, firstFile]: Writer,
  [second, secondFile]: Writer,
  mode: Mode,
  rounds: number,
): Promise<Rounds> {
  await first.ask({ do: 'open', file: firstFile });
  await value(first, `PRAGMA journal_mode = ${mode}`);
  await firstFailure(first, ['CREATE TABLE t (who)']);
  await first.ask({ do: 'close' });

  await first.ask({ do: 'open', file: firstFile });
  await second.ask({ do: 'open', file: secondFile });
  let acknowledged = 0;
  const failures: string[] = [];
  const begin = ['BEGIN IMMEDIATE', 'SELECT * FROM t'];
  for (let round = 1; round <= rounds; round += 1) {
    const results = [
      await firstFailure(first, begin),
      await firstFailure(second, [...begin, "INSERT INTO t VALUES ('second')", 'COMMIT']),
      await firstFailure(first, ["INSERT INTO t VALUES ('first')", 'COMMIT']),
    ];
    failures.push(...results.flatMap(failure => (failure ? [`round ${round}: ${failure.code} at ${failure.at}`] : [])));
    acknowledged += results.slice(1).filter(failure => failure === undefined).length;
  }
  await second.ask({ do: 'close' });
  await first.ask({ do: 'close' });

  await first.ask({ do: 'open', file: firstFile });
  const count = async (who: string): Promise<number> =>
    Number(await value(first, `SELECT count(*) FROM t WHERE who = '${who}'`));
  const found = { first: await count('first'), second: await count('second') };
  const integrity = await value(first, 'PRAGMA integrity_check');
  await first.ask({ do: 'close' });
  return { acknowledged, failures, found, integrity };
}
