/** Implements the job that writes a compact snapshot with `VACUUM INTO`. */
import { performance } from '../../base/clock';
import { quotedName } from '../../base/sql-name';
import type { NativeDatabase } from '../../native/better-sqlite3';
import { readHeader } from '../read-header';
import { missingBytes, refuseImpossible } from '../truncated-file';
import type { CopyResult, HeaderFacts } from '../messages';

/**
 * Writes `schema` to `destination` with SQLite's VACUUM: one read transaction, which no writer can disturb.
 *
 * The destination may be an empty file. @see https://sqlite.org/lang_vacuum.html#vacuuminto
 */
export function vacuumInto(
  db: NativeDatabase.Database,
  job: { readonly schema: string; readonly destination: string },
  onStart: (header: HeaderFacts) => void,
): CopyResult {
  const started = performance.now();
  const before = readHeader(db, job.schema);
  onStart(before);
  const missing = missingBytes(db, job.schema);
  refuseImpossible(missing);
  db.prepare(`VACUUM ${quotedName(job.schema)} INTO ?`).run(job.destination);
  const after = readHeader(db, job.schema);
  return { sourceHeaders: [before, after], copiedPages: null, missing, durationMs: performance.now() - started };
}
