/** A process of its own with raw better-sqlite3: takes one step after the other from its parent, answers each. */
import Database from 'better-sqlite3';

export type RawStep =
  | { readonly do: 'open'; readonly file: string; readonly readonly?: boolean }
  | { readonly do: 'sql'; readonly sql: string }
  | { readonly do: 'close' };

/** What the step came to: its rows, or the code of the error that it threw. */
export type RawAnswer = { readonly rows: readonly Readonly<Record<string, unknown>>[] } | { readonly code: string };

let db: Database.Database | undefined;

function take(step: RawStep): RawAnswer {
  if (step.do === 'open') {
    // No busy timeout: whoever is locked out shall say so at once.
    db = new Database(step.file, { timeout: 0, readonly: step.readonly === true });
    return { rows: [] };
  }
  if (db === undefined) throw new Error('No database is open.');
  if (step.do === 'close') {
    db.close();
    db = undefined;
    return { rows: [] };
  }
  const statement = db.prepare(step.sql);
  if (statement.reader) return { rows: statement.all() as Record<string, unknown>[] };
  statement.run();
  return { rows: [] };
}

process.on('message', (step: RawStep) => {
  let answer: RawAnswer;
  try {
    answer = take(step);
  } catch (error) {
    answer = { code: (error as { code?: string }).code ?? String(error) };
  }
  process.send!(answer);
});
