/** A reader in the application's thread: for databases in memory, and where no process can be started. */
import { setImmediate } from '../base/clock';
import type { NativeDatabase } from '../native/better-sqlite3';
import type { FromReader, ToReader } from './messages';
import type { Reader, ReaderListener } from './reader';
import { failureOf, ReadServer } from './serve-reads';

/** ms. A piece of a result holds the event loop for so long; one step of SQLite is not cut. */
export const inlinePieceMs = 5;

export interface InlineSource {
  /** Opens a connection for the next calls; gives up when nobody wants it any more. */
  open(isOver: () => boolean): Promise<NativeDatabase.Database>;
  /** How long a locked database is asked again, in milliseconds: SQLite itself would stop the event loop. */
  readonly retryBusyMs: number;
}

export function startInlineReader(source: InlineSource, listener: ReaderListener): Reader {
  let server: ReadServer | null = null;
  let over = false;
  const send = (message: FromReader): void => {
    // Never in the turn of the call that it answers, as with a process.
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
      // Behind the call that asked: it may stand in a function that SQLite has called.
      if (message.type === 'open') setImmediate(open);
      else if (message.type === 'close') end();
      else setImmediate(() => over || server?.handle(message));
    },
    kill: end,
  };
}
