/** Splits what `PRAGMA integrity_check` returns into its lines. Pure. */

/**
 * SQLite lists the faults of pages in one row, a line each, under a heading; these quote no name. Its other rows quote names of
 * tables and indexes, and a line feed in such a name begins no line: the schema could write lines of its own into a report.
 */
export function integrityLines(problems: readonly string[]): string[] {
  return problems.flatMap(problem => (heading.test(problem) ? problem.split('\n') : [problem]));
}

const heading = /^\*\*\* in database \w+ \*\*\*\n/;
