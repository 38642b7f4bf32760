/** Two processes that change different rows at the same time by two ways, where both rows share a page of an index. */
import { firstFailure, value } from './steps.mts';
import type { Writer } from './raw-two-writers.mts';

/** Rows enough for the first and the last to stand on different pages of the table. */
const rows = 400;

/**
 * With a rollback journal each process writes the pages that it changed: both pages of the table arrive, and of the
 * index the page that was written last, which knows nothing of the other's change.
 *
 * Returns what `PRAGMA integrity_check` finds first, after two commits without an error.
 */
export async function changeOneIndexTwice(
  [first, firstFile]: Writer,
  [second, secondFile]: Writer,
): Promise<{ readonly failures: readonly string[]; readonly integrity: string }> {
  await first.ask({ do: 'open', file: firstFile });
  const unprepared = await firstFailure(first, [
    'CREATE TABLE t (n INTEGER PRIMARY KEY, v TEXT)',
    'CREATE INDEX i ON t (v)',
    `WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < ${rows}) INSERT INTO t SELECT n, format('%0100d', n) FROM n`,
  ]);
  await first.ask({ do: 'close' });

  await first.ask({ do: 'open', file: firstFile });
  await second.ask({ do: 'open', file: secondFile });
  // The whole table and the whole index are read before the other writes.
  const begin = ['BEGIN IMMEDIATE', 'SELECT v FROM t NOT INDEXED', 'SELECT v FROM t ORDER BY v'];
  const results = [
    unprepared,
    await firstFailure(first, begin),
    await firstFailure(second, [...begin, `UPDATE t SET v = 'second' WHERE n = ${rows}`, 'COMMIT']),
    await firstFailure(first, [`UPDATE t SET v = 'first' WHERE n = 1`, 'COMMIT']),
  ];
  await second.ask({ do: 'close' });
  await first.ask({ do: 'close' });

  await first.ask({ do: 'open', file: firstFile });
  const integrity = await value(first, 'PRAGMA integrity_check');
  await first.ask({ do: 'close' });
  return { failures: results.flatMap(failure => (failure ? [`${failure.code} at ${failure.at}`] : [])), integrity };
}
