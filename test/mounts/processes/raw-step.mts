/** One step of a process with raw better-sqlite3, whoever asks for it. */
import Database from 'better-sqlite3';

export type RawStep =
  | { readonly do: 'open'; readonly file: string }
  | { readonly do: 'sql'; readonly sql: string }
  | { readonly do: 'close' };

/** The result of the step: its rows, or the code of its error. */
export type RawAnswer = { readonly rows: readonly Readonly<Record<string, unknown>>[] } | { readonly code: string };

let db: Database.Database | undefined;

export function take(step: RawStep): RawAnswer {
  try {
    return { rows: rowsOf(step) };
  } catch (error) {
    return { code: (error as { code?: string }).code ?? String(error) };
  }
}

function rowsOf(step: RawStep): readonly Readonly<Record<string, unknown>>[] {
  if (step.do === 'open') {
    // No busy timeout: a locked-out process must report it at once.
    db = new Database(step.file, { timeout: 0 });
    return [];
  }
  if (db === undefined) throw new Error('No database is open.');
  if (step.do === 'close') {
    db.close();
    db = undefined;
    return [];
  }
  const statement = db.prepare(step.sql);
  if (statement.reader) return statement.all() as Record<string, unknown>[];
  statement.run();
  return [];
}
