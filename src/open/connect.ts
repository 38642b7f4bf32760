/** Opens better-sqlite3, sets each protection, reads each back: a connection that comes out of here is proved. */
import { existsSync } from 'node:fs';
import { Connection } from '../connection/connection';
import { enterJournalMode } from '../connection/journal';
import { protect } from '../connection/protect';
import { createVerbose } from '../connection/verbose';
import { translateError } from '../errors/translate';
import { createEventHub } from '../events/event-hub';
import { NativeDatabase } from '../native/better-sqlite3';
import type { ResolvedOptions } from '../options/resolved';
import type { Plan } from '../policy/plan';
import { walFormatError } from '../policy/wal-format';

/** Throws what SQLite throws, translated; nothing stays open then. */
export function connect(target: string | Buffer, plan: Plan, options: ResolvedOptions): Connection {
  const verbose = createVerbose(options.verbose);
  const hub = createEventHub(plan.file ?? '', options.logger);
  try {
    const native = new NativeDatabase(target, nativeOptions(options, verbose.listener));
    const connection = new Connection({ native, plan, options, hub, verbose });
    try {
      verbose.quietly(() => {
        if (plan.journalMode !== null) enterJournalMode(native, { mode: plan.journalMode, timeoutMs: options.timeout });
        protect(native, connection.ground);
      });
    } catch (error) {
      native.close();
      throw error;
    }
    return connection;
  } catch (error) {
    throw walFormatFailure(error, plan) ?? translateError(error, { file: plan.file, operation: 'open' });
  }
}

function walFormatFailure(error: unknown, { file, filesystem }: Plan): Error | null {
  return file === null ? null : walFormatError(error, filesystem, existsSync(`${file}-shm`));
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
    // better-sqlite3 takes the addon itself as well; its types know the path only.
    ...(nativeBinding === null ? {} : { nativeBinding: nativeBinding as string }),
  };
}
