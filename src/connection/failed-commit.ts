/** Determines which files a failed COMMIT could have written, and its outcome. */
import { findWriteObstacle } from '../filesystem/write-obstacle';
import type { NativeDatabase } from '../native/better-sqlite3';
import { canStrikeCommit, judgeFailedCommit, type CommitOutcome, type CommittedFile } from '../policy/commit-outcome';
import type { Plan } from '../policy/plan';
import { statementKinds } from '../sql/statement-kind';
import { journalModeOf, schemasOf } from './set-pragmas';
import type { Verbose } from './verbose';

interface CommittingConnection {
  readonly native: NativeDatabase.Database;
  readonly verbose: Verbose;
  readonly plan: Plan;
}

/** Facts about the transaction of a failure. */
export interface FailedCommitFacts {
  readonly commitOutcome?: CommitOutcome;
  /** The files of a multi-file transaction with an unknown outcome. */
  readonly files?: readonly string[];
}

/** Returns the facts for the error with `code` of `sql`; empty if no commit failed. */
export function failedCommitFacts(connection: CommittingConnection, code: string, sql: string): FailedCommitFacts {
  const { native } = connection;
  const stillOpen = native.inTransaction;
  // Most failures are of statements.
  if (stillOpen || !canStrikeCommit(code)) return {};
  const kinds = statementKinds(sql);
  return connection.verbose.quietly(() => {
    const files = filesOf(connection);
    const several = kinds.has('commit') || kinds.has('release') || hasTemporaryTrigger(native);
    const mainHasFile = connection.plan.storage === 'file';
    const refusedByTheSystem = code === 'SQLITE_IOERR_WRITE' && findWriteObstacle(connection.plan.file ?? '') !== null;
    const { outcome } = judgeFailedCommit({ code, files, several, mainHasFile, stillOpen, refusedByTheSystem });
    if (outcome === null) return {};
    const names =
      files === null || files.length < 2 || outcome !== 'unknown' ? undefined : files.map(({ file }) => file);
    return { commitOutcome: outcome, ...(names === undefined ? {} : { files: names }) };
  });
}

/** SQLite is asked for the journal modes: the application or another program may have changed them. */
function filesOf({ native, plan }: CommittingConnection): readonly CommittedFile[] | null {
  try {
    return schemasOf(native).flatMap(({ name, file }) =>
      file === '' ? [] : [{ file, journalMode: askMode(native, name) ?? plannedMode(plan, name) }],
    );
  } catch {
    return null;
  }
}

/** Returns the planned mode if SQLite cannot be asked now; for an attached database, the weakest one. */
function plannedMode(plan: Plan, schema: string): string {
  return schema === 'main' ? (plan.journalMode ?? 'delete') : 'wal';
}

function askMode(native: NativeDatabase.Database, schema: string): string | null {
  try {
    return journalModeOf(native, schema);
  } catch {
    return null;
  }
}

/** Only a trigger in the schema `temp` writes to schemas other than that of its table. */
function hasTemporaryTrigger(native: NativeDatabase.Database): boolean {
  try {
    const triggers = native.prepare("SELECT 1 FROM sqlite_temp_schema WHERE type = 'trigger' LIMIT 1");
    return triggers.get() !== undefined;
  } catch {
    return true;
  }
}
