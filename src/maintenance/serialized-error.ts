/** Serializes errors in the worker and rebuilds them in the host. */
import { errorCode, errorMessage, errorName, textOf } from '../base/foreign-error';
import { MaintenanceError, refusalClasses } from '../errors/refusals';
import { isSqliteFailure, translateError } from '../errors/translate';
import { adviceOf } from '../filesystem/refused-file';
import { NativeSqliteError } from '../native/sqlite-error';
import type { Job, OpeningRefusal, SerializedError, SerializedRefusal } from './messages';
import { AbortedJob } from './copy-rate';

const openingRefusals: readonly OpeningRefusal[] = ['FileReplacedError', 'UntrustedFileError', 'OrphanedJournalError'];

/** Returns null for any error but a refusal of the file. */
export function serializeRefusal(error: unknown): SerializedRefusal | null {
  for (const name of openingRefusals) {
    if (!(error instanceof refusalClasses[name])) continue;
    return { family: 'refusal', name, message: error.message, hint: error.hint, details: error.details };
  }
  return null;
}

export function deserializeRefusal({ name, message, hint, details }: SerializedRefusal): Error {
  return new refusalClasses[name](message, { hint, details });
}

export function serializeError(error: unknown): SerializedError {
  if (isSqliteFailure(error)) return { family: 'sqlite', code: error.code, message: error.message };
  const refusal = serializeRefusal(error);
  if (refusal !== null) return refusal;
  if (error instanceof AbortedJob) return { family: 'aborted' };
  return {
    family: 'other',
    name: errorName(error),
    message: errorMessage(error),
    code: errorCode(error),
    syscall: textOf(error, 'syscall'),
  };
}

/** Returns the error that the job's promise rejects with; an abort rejects with the signal's own reason instead. */
export function deserializeError(wire: Exclude<SerializedError, { family: 'aborted' }>, job: Job): unknown {
  switch (wire.family) {
    case 'sqlite':
      return translated(new NativeSqliteError(wire.message, wire.code), job);
    case 'refusal':
      return deserializeRefusal(wire);
    case 'other':
      // A failed system call keeps its code; any other error keeps its name.
      if (wire.syscall !== null)
        return Object.assign(new Error(wire.message), { code: wire.code, syscall: wire.syscall });
      return new MaintenanceError(
        wire.name === 'MaintenanceError' ? wire.message : `The job failed with ${wire.name}: ${wire.message}`,
      );
  }
}

function translated(error: Error, { file, kind }: Job): unknown {
  return translateError(error, { file, operation: kind, ...adviceOf(error, file) });
}
