/** Handles that were forgotten without `close()`: each is reported once, and closed. */
import type { Session } from '../connection/session';
import type { OpenDatabase } from './shared-connection';

interface Leak {
  readonly database: OpenDatabase;
  readonly session: Session;
}

/** Called some time after a handle, and every statement of it, has become unreachable. */
const collected = new FinalizationRegistry<Leak>(({ database, session }) => {
  if (!database.isOpen(session)) return;
  const { hub, file, plan } = database.connection;
  // What is in memory has neither locks nor a WAL: forgetting it is how better-sqlite3's users let it go.
  if (plan.file !== null) {
    hub.publish('warning', {
      code: 'leaked-handle',
      message: `A handle on ${file} was garbage-collected without close(): its last checkpoint and its locks waited until now.`,
      details: {},
    });
  }
  try {
    database.closeHandle(session);
  } catch (error) {
    hub.publish('warning', {
      code: 'leaked-handle-not-closed',
      message: `The forgotten handle on ${file} could not be closed: ${String(error)}`,
      details: {},
    });
  }
});

/** Watches `handle` until it is collected or `forgetLeak` is called. `leak` must not lead back to it. */
export function reportWhenLeaked(handle: object, leak: Leak): void {
  collected.register(handle, leak, leak.session);
}

/**
 * After a handle was closed. What is registered holds on to the connection, and the reason of an aborted signal in there
 * has a stack, whose frames hold on to the handle that called `close()`: neither would ever be collected.
 */
export function forgetLeak(session: Session): void {
  collected.unregister(session);
}
