/** Judges the SQLite that wrote the database last. Pure. */
import { versionProblems } from '../../policy/sqlite-versions';
import type { Finding } from '../diagnosis';
import type { CheckInput } from './subject';
import { finding } from './finding';

export function* judgeSoftware({ facts, platform, sqliteVersion }: CheckInput): Generator<Finding> {
  const header = facts.header ?? null;
  if (header?.writtenBy === null || header === null) return;
  const { writtenBy, journalMode } = header;
  const problems = versionProblems(writtenBy, { journal: journalMode, severalDatabases: true, platform });
  if (problems.length > 0) {
    yield finding(
      'warning',
      'written-by-unsafe-sqlite',
      `SQLite ${writtenBy} wrote it last, which has a released bug: ${problems.map(({ what, source }) => `${what} (${source})`).join(' ')}`,
      {
        why: `The database may carry damage already, and any program with that SQLite can damage it again. This library has ${sqliteVersion}.`,
        action: `Find the program (a shell, a backup tool, another service) and update it: fixed in ${problems.map(({ fixedIn }) => fixedIn).join('; ')}. Then check the database with \`verify --full\`.`,
      },
    );
  } else {
    yield finding(
      'ok',
      'sqlite-version',
      `SQLite ${writtenBy} wrote it last; this library has SQLite ${sqliteVersion}.`,
    );
  }
}
