/** Judges a failure of SQLite for the fence, and adds the operating system's answer to the error. */
import type { SqliteResultError } from '../errors/sqlite-errors';
import { findWriteObstacle, type WriteObstacle } from '../filesystem/write-obstacle';
import { decideFence, explainedByObstacle, type FenceDecision, type OperationKind } from '../policy/fence';

export interface FailedWork {
  readonly kind: OperationKind;
  readonly journalMode: string;
  /** Canonical path of the database. */
  readonly file: string;
}

/**
 * If an obstacle explains the failure, the error gets its hint and is no longer fatal: writes continue once it is gone.
 */
export function judgeFailure(error: SqliteResultError, { kind, journalMode, file }: FailedWork): FenceDecision {
  const obstacle = explainedByObstacle(error.code) ? findWriteObstacle(file) : null;
  if (obstacle !== null) explain(error, obstacle);
  return decideFence({ code: error.code, kind, journalMode, obstacle });
}

const hints: Readonly<Record<WriteObstacle, string>> = {
  ENOSPC:
    'The disk is full. Free space outside the database; nothing is broken, and writes continue once there is space.',
  EDQUOT:
    'The disk quota of this user or project is used up (see `quota`). Free space or raise it; nothing is broken, and writes continue once there is space.',
  EROFS:
    'The filesystem is mounted read-only; ext4 does that by itself after a disk error, so check `dmesg` and the mount before you mount it writable again. Reads continue.',
  EACCES:
    'The process may no longer write the database or its folder. Restore the rights (`ls -ld`); nothing is broken, and writes continue then.',
  EPERM:
    'The system forbids writing the database or its folder: an immutable file (`lsattr`) or a security module. Nothing is broken, and writes continue once it is allowed.',
};

function explain(error: SqliteResultError, obstacle: WriteObstacle): void {
  const define = (name: string, value: unknown, enumerable: boolean): void => {
    Object.defineProperty(error, name, { value, enumerable, configurable: true, writable: true });
  };
  define('hint', hints[obstacle], true);
  define('details', Object.freeze({ ...error.details, obstacle }), true);
  define('fatal', false, false);
}
