/** Opens better-sqlite3, sets each protection, reads each back: a connection that comes out of here is proved. */
import { existsSync } from 'node:fs';
import { Connection } from '../connection/connection';
import { fenceFiles } from '../fence/fence';
import { openInJournalMode } from '../connection/journal';
import { setPragmasOfNew, readPage } from '../connection/set-pragmas';
import { judgeFailure } from '../fence/judge-failure';
import { createVerbose } from '../connection/verbose';
import { SqliteReadonlyError, SqliteResultError } from '../errors/sqlite-errors';
import { translateError } from '../errors/translate';
import { createEventHub } from '../events/event-hub';
import { NativeDatabase } from '../native/better-sqlite3';
import { blockCheckpoint } from '../native/close-without-checkpoint';
import { adviceOf, readonlyGroundOf } from '../filesystem/refused-file';
import { lookAtOpened, type OpenedFiles } from '../proc/opened-files';
import type { ResolvedOptions } from '../options/resolved';
import type { Plan } from '../policy/plan';
import { refuseIfReadOnly } from './granted-access';
import { readonlyWalError, walFormatError } from '../policy/wal-format';

export interface ConnectRequest {
  /** The argument of SQLite's open: a canonical path, `:memory:`, `''`, or the image of a database. */
  readonly target: string | Buffer;
  /** The key of the file in the registry, needed only if the storage failed. */
  readonly key: () => string;
  readonly plan: Plan;
  readonly options: ResolvedOptions;
}

export interface Connected {
  readonly connection: Connection;
  /** SQLite's answer to `PRAGMA journal_mode`; null without a file. */
  readonly journalMode: string | null;
  /** What was seen of the files that SQLite has opened; null where nothing had to be looked at. */
  readonly opened: OpenedFiles | null;
}

/** Throws SQLite's error, translated; nothing stays open then. */
export function connect({ target, key, plan, options }: ConnectRequest): Connected {
  const verbose = createVerbose(options.verbose);
  const hub = createEventHub(plan.file ?? '', options.logger);
  try {
    return verbose.quietly(() => {
      const opener = {
        open: (): NativeDatabase.Database => new NativeDatabase(target, nativeOptions(options, verbose.listener)),
        discard: (native: NativeDatabase.Database): void => discard(native, plan, options),
      };
      const { journalMode: mode } = plan;
      const native = mode === null ? opener.open() : openInJournalMode(opener, { mode, timeoutMs: options.timeout });
      const connection = new Connection({ native, plan, options, hub, verbose });
      let journalMode: string | null;
      let opened: OpenedFiles | null = null;
      try {
        if (mode === null && plan.file !== null) readPage(native, 'main');
        journalMode = setPragmasOfNew(native, connection.protectionInputs, { hasFile: plan.file !== null });
        opened = plan.file === null || plan.readonly ? null : lookAtOpened(plan.file);
        if (plan.file !== null && opened !== null) refuseIfReadOnly(plan.file, opened);
      } catch (error) {
        opened?.readers.close();
        discard(native, plan, options);
        throw error;
      }
      return { connection, journalMode, opened };
    });
  } catch (error) {
    if (error instanceof SqliteReadonlyError) throw error;
    const walFormat = walFormatFailure(error, plan) ?? readonlyFailure(error, plan);
    if (walFormat !== null) throw walFormat;
    const failure = translateError(error, { file: plan.file, operation: 'open', ...adviceOf(error, plan.file) });
    if (plan.file !== null && failure instanceof SqliteResultError) fenceAtOpen(failure, key, plan.file);
    throw failure;
  }
}

function walFormatFailure(error: unknown, { file, filesystem }: Plan): Error | null {
  return file === null ? null : walFormatError(error, filesystem, existsSync(`${file}-shm`));
}

function readonlyFailure(error: unknown, { file, readonly }: Plan): Error | null {
  if (file === null || !readonly) return null;
  return readonlyWalError(error, readonlyGroundOf(file));
}

/** Closes without the checkpoint of an ordinary close: a failed open leaves the WAL of the last process unchanged. */
function discard(native: NativeDatabase.Database, { file, readonly }: Plan, { nativeBinding }: ResolvedOptions): void {
  const hold = file === null || readonly ? null : blockCheckpoint(file, null, nativeBinding);
  native.close();
  hold?.release();
}

function fenceAtOpen(failure: SqliteResultError, key: () => string, file: string): void {
  const { fence } = judgeFailure(failure, { kind: 'open', journalMode: 'wal', file });
  if (fence) fenceFiles([{ key: key(), file }], failure, 'open');
}

function nativeOptions(
  options: ResolvedOptions,
  verbose: ((message?: unknown) => void) | null,
): NativeDatabase.Options {
  const { readonly, fileMustExist, timeout, nativeBinding } = options;
  return {
    readonly,
    fileMustExist,
    timeout,
    ...(verbose === null ? {} : { verbose }),
    // better-sqlite3 also accepts the addon itself; its types allow only the path.
    ...(nativeBinding === null ? {} : { nativeBinding: nativeBinding as string }),
  };
}
