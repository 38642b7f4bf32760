/**
 * Refuses to open a file under the name of a sidecar of another open database: when SQLite closes it again, this process
 * loses every lock that it has on that sidecar, and SQLite takes a journal of that name for its own.
 */
import { InvalidOptionError, UnsafeStatementError } from '../errors/refusals';
import { registeredFiles } from '../registry/registry';

const suffixes = ['-wal', '-shm', '-journal'] as const;

/** Two open files of which one has the name of a sidecar of the other. */
interface SidecarConflict {
  /** The database that is open. */
  readonly database: string;
  readonly message: string;
}

/** Returns the conflict of the canonical path `file` with an open database, or `null`. */
function sidecarConflict(file: string): SidecarConflict | null {
  for (const { file: database } of registeredFiles()) {
    for (const suffix of suffixes) {
      if (file === database + suffix)
        return { database, message: `${file} is the ${suffix} file of ${database}, which is open in this process` };
      if (database === file + suffix)
        return { database, message: `${database}, which is open in this process, has the name of its ${suffix} file` };
    }
  }
  return null;
}

const hint = 'Name the database itself, or give the other one a name that does not end in -wal, -shm or -journal.';

/** Of an open. */
export function refuseSidecarName(file: string): void {
  const conflict = sidecarConflict(file);
  if (conflict === null) return;
  throw new InvalidOptionError(`Cannot open ${file}: ${conflict.message}.`, {
    hint,
    details: { file, database: conflict.database },
  });
}

/** Of an ATTACH or a VACUUM INTO, which `statement` names. */
export function refuseSidecarInStatement(file: string, statement: 'ATTACH' | 'VACUUM INTO'): void {
  const conflict = sidecarConflict(file);
  if (conflict === null) return;
  throw new UnsafeStatementError(`Refused ${statement} of ${file}: ${conflict.message}.`, {
    hint,
    details: { file, database: conflict.database },
  });
}
