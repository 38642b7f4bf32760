/** better-sqlite3 itself as the judge of what SQLite reads in a text. */
import type Database from 'better-sqlite3';

/** The text as it reaches SQLite: on its way to UTF-8 a lone surrogate becomes U+FFFD. */
export function wellFormed(text: string): string {
  return Buffer.from(text).toString();
}

/** The message of the error that `attempt` throws; `null` when it throws none. */
export function failureOf(attempt: () => unknown): string | null {
  try {
    attempt();
    return null;
  } catch (error) {
    return (error as Error).message;
  }
}

/** What SQLite makes of the beginning of a text: the first token that is neither space nor comment. */
type Beginning = { readonly token: string } | 'semicolon' | 'nothing';

/**
 * Asks SQLite for the first token of `text`. Behind `COMMIT TRANSACTION x` its grammar takes nothing but a semicolon,
 * and the error for anything else quotes the token in full. No space is put between: `text` might continue it.
 */
export function beginningOf(db: Database.Database, text: string): Beginning {
  const message = failureOf(() => db.prepare(`COMMIT TRANSACTION [x]${text}`));
  if (message === 'The supplied SQL string contains more than one statement') return 'semicolon';
  // The rest is only space and semicolons, or less. SELECT can end with neither, and the two errors differ.
  if (message === null) {
    return failureOf(() => db.prepare(`SELECT/**/${text}`)) === 'incomplete input' ? 'nothing' : 'semicolon';
  }
  const quoted = /^(?:near "(.*)": syntax error|unrecognized token: "(.*)")$/s.exec(message);
  if (quoted === null) throw new Error(`SQLite said something else: ${message}`);
  return { token: quoted[1] ?? quoted[2] ?? '' };
}

/** How many statements better-sqlite3 sees in a text: none, one, several, or one that SQLite cannot prepare. */
export function countStatements(db: Database.Database, text: string): 'none' | 'one' | 'several' | 'broken' {
  const message = failureOf(() => db.prepare(text));
  if (message === null) return 'one';
  if (message === 'The supplied SQL string contains no statements') return 'none';
  return message === 'The supplied SQL string contains more than one statement' ? 'several' : 'broken';
}
