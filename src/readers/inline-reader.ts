/** Implements a reader in the application's thread: for in-memory databases, and where no process can be started. */
import { setImmediate } from '../base/clock';
import type { NativeDatabase } from '../native/better-sqlite3';
import type { FromReader, ToReader } from './messages';
import type { Reader, ReaderListener } from './reader';
import { failureOf, ReadServer } from './serve-reads';

/** Milliseconds for which a piece of a result blocks the event loop; one step of SQLite is not interrupted. */
export const inlinePieceMs = 5;

export interface InlineSource {
  /** Opens a connection for the next calls; gives up once it is no longer needed. */
  open(isOver: () => boolean): Promise<NativeDatabase.Database>;
  /** How long a locked database is retried, in milliseconds: SQLite's own wait would block the event loop. */
  readonly retryBusyMs: number;
}

export function startInlineReader(source: InlineSource, listener: ReaderListener): Reader {
  let server: ReadServer | null = null;
  let over = false;
  const send = (message: FromReader): void => {
    // Never in the turn of the call that it answers, like a process.
    setImmediate(() => over || listener.message(message));
  };
  const end = (): void => {
    if (over) return;
    over = true;
    server?.close();
    setImmediate(() => listener.exit({ exitCode: 0, signal: null, cause: null }));
  };
  const open = (): void => {
    if (over) return;
    source
      .open(() => over)
      .then(db => {
        server = new ReadServer(db, send, {
          pieceMs: inlinePieceMs,
          retryBusyMs: source.retryBusyMs,
          working: () => {},
        });
        if (over) server.close();
        else send({ type: 'ready' });
      })
      .catch((error: unknown) => send({ type: 'failed', error: failureOf(error) }));
  };
  return {
    pid: null,
    send(message: ToReader) {
      if (over) return;
      // After the caller returns: it may be inside a function that SQLite has called.
      if (message.type === 'open') setImmediate(open);
      else if (message.type === 'close') end();
      else setImmediate(() => over || server?.handle(message));
    },
    kill: end,
  };
}
