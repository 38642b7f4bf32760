/** Decides where the readers of a database run, and starts them there. */
import { delay } from '../base/clock';
import type { Connection } from '../connection/connection';
import { withoutWalMark } from '../connection/serialize';
import type { FileIdentity } from '../base/file-identity';
import { NativeDatabase } from '../native/better-sqlite3';
import type { ResolvedReaders } from '../options/resolved';
import { inlinePieceMs, startInlineReader } from './inline-reader';
import { openReadConnection, prepareConnection } from './read-connection';
import type { ReaderSource } from './read-pool';
import { startReaderProcess, whyNoReaderProcess } from './reader-process';
import type { ReaderSettings } from './messages';
import type { WaitFacts } from './why-queued';

type Native = NativeDatabase.Database;

/** Milliseconds after which a piece is sent: rows of a slow query arrive while it runs. */
const processPieceMs = 20;
/** Milliseconds between two checks for the end of a transaction of an in-memory database. */
const transactionPauseMs = 2;

/** Returns why the readers of a connection run in the application's thread; `null` if they are processes. */
export function whyInThread(connection: Connection): string | null {
  const { plan, options } = connection;
  if (plan.file === null) return 'no other process can see a database without a file';
  if (options.checkpoint !== 'off' && options.checkpoint.thread === 'main') return "`checkpoint.thread` is 'main'";
  if (options.nativeBinding !== null && typeof options.nativeBinding !== 'string') {
    return '`nativeBinding` is an object, which no other process can load';
  }
  return whyNoReaderProcess();
}

export function sourceOf(
  connection: Connection,
  identity: FileIdentity | null,
  limits: ResolvedReaders,
  obstacle: string | null,
): ReaderSource {
  const { plan, options } = connection;
  const { nativeBinding, timeout } = options;
  const inThread = obstacle !== null;
  const settings: ReaderSettings = {
    target: {
      file: plan.file ?? '',
      identity,
      ...(typeof nativeBinding === 'string' ? { nativeBinding } : {}),
    },
    // In the application's thread SQLite must not sleep.
    busyTimeoutMs: inThread ? 0 : timeout,
    setup: limits.setup,
    pieceMs: inThread ? inlinePieceMs : processPieceMs,
  };
  if (!inThread) {
    return {
      obstacle,
      reusable: true,
      settings,
      waitsFor: () => null,
      start: listener => startReaderProcess(limits.memoryBytes, listener),
    };
  }
  const hasFile = plan.file !== null;
  const open = hasFile
    ? () => openReadConnection(settings)
    : (isOver: () => boolean) => openCopy(connection, settings, isOver);
  return {
    obstacle,
    reusable: hasFile,
    settings,
    waitsFor: () => (hasFile ? null : openOn(connection)),
    start: listener => startInlineReader({ open, retryBusyMs: timeout }, listener),
  };
}

/** Opens an in-memory copy of a database without a file, taken between two transactions: it has only committed data. */
async function openCopy(connection: Connection, settings: ReaderSettings, isOver: () => boolean): Promise<Native> {
  const { native } = connection;
  for (; native.open && !isOver(); await delay(transactionPauseMs, { ref: false })) {
    if (openOn(connection) !== null) continue;
    const image = withoutWalMark(native.serialize());
    return prepareConnection(new NativeDatabase(image.length === 0 ? ':memory:' : image), settings);
  }
  throw new TypeError('The database connection is not open');
}

/** Returns what of the connection has a state that is not committed; `null` between two transactions. */
function openOn(connection: Connection): WaitFacts['openOnConnection'] {
  if (connection.openIterators().next().done === false) return 'iterate';
  return connection.native.inTransaction ? 'transaction' : null;
}
