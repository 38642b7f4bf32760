/** Serializes errors in the worker and rebuilds them in the host. */
import { errorCode, errorMessage, errorName, textOf } from '../base/foreign-error';
import { FileReplacedError, MaintenanceError, UntrustedFileError } from '../errors/refusals';
import { isSqliteFailure, translateError } from '../errors/translate';
import { adviceOf } from '../filesystem/refused-file';
import { NativeSqliteError } from '../native/sqlite-error';
import type { Job, SerializedError } from './messages';
import { AbortedJob } from './copy-rate';

export function serializeError(error: unknown): SerializedError {
  if (isSqliteFailure(error)) return { family: 'sqlite', code: error.code, message: error.message };
  if (error instanceof FileReplacedError) {
    return { family: 'replaced', message: error.message, details: error.details };
  }
  if (error instanceof UntrustedFileError) {
    return { family: 'untrusted', message: error.message, hint: error.hint, details: error.details };
  }
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
    case 'replaced':
      return new FileReplacedError(wire.message, { details: wire.details });
    case 'untrusted':
      return new UntrustedFileError(wire.message, { hint: wire.hint, details: wire.details });
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
