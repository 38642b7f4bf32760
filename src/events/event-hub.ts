/** Publishes the events of one database to its listeners, to `diagnostics_channel` and to the log. */
import { inMicrotask } from '../base/clock';
import { visible } from '../base/terminal-text';
import { channel, type Channel } from 'node:diagnostics_channel';
import { EventEmitter } from 'node:events';
import { isThenable } from '../base/thenable';
import type { DatabaseEmitter, DatabaseEvents, EventName } from './event-map';
import type { Logger } from './logger';

/** The log level of each event; an event without a listener is still logged. */
const levels: Readonly<Record<EventName, keyof Logger>> = {
  checkpoint: 'debug',
  checkpointBlocked: 'info',
  checkpointFailed: 'error',
  busy: 'debug',
  queryTimeout: 'warn',
  readerLost: 'error',
  warning: 'warn',
  longTransaction: 'warn',
  locksLost: 'fatal',
  fileReplaced: 'fatal',
  fenced: 'fatal',
  backup: 'info',
  backupFailed: 'error',
  closed: 'debug',
};

const eventNames = Object.keys(levels) as EventName[];

/** `safe-sqlite:<event>`; subscribers get the payload. */
const channels = Object.fromEntries(eventNames.map(name => [name, channel(`safe-sqlite:${name}`)])) as Record<
  EventName,
  Channel
>;

/** The payload of an event without the fields that the hub adds. */
export type EventFactsOf<Name extends EventName> = Omit<Parameters<DatabaseEvents[Name]>[0], 'file'>;

export interface EventHub {
  /** Returns a new emitter, one for each handle: users know it as `db.events`. */
  openEmitter(): DatabaseEmitter;
  /** Stops notifying the listeners of `emitter`: its handle was closed, and the connection stays open. */
  closeEmitter(emitter: DatabaseEmitter): void;
  /**
   * Notifies listeners, channel and log. Never throws: a listener that throws is logged, and the next one is called.
   */
  publish<Name extends EventName>(name: Name, facts: EventFactsOf<Name>): void;
  /** Logs now, and tells listeners and channels as soon as the code that runs now has ended: it could not listen yet. */
  publishSoon<Name extends EventName>(name: Name, facts: EventFactsOf<Name>): void;
  /** Notifies the listeners only: another connection of the same file has already logged and published the event. */
  relay<Name extends EventName>(name: Name, facts: EventFactsOf<Name>): void;
}

export function createEventHub(file: string, logger: Logger): EventHub {
  const emitters = new Set<EventEmitter>();
  const emit = (name: EventName, payload: object): void => {
    for (const emitter of emitters) {
      for (const listener of emitter.rawListeners(name)) call(listener, emitter, payload, name, logger);
    }
  };
  const logEvent = (name: EventName, payload: { readonly file: string }): void =>
    log(logger, levels[name], { event: name, ...payload, ...errorFacts(payload) }, describe(name, payload));
  const tell = (name: EventName, payload: object): void => {
    if (channels[name].hasSubscribers) channels[name].publish(payload);
    emit(name, payload);
  };
  return {
    openEmitter() {
      const emitter = new EventEmitter();
      emitters.add(emitter);
      return emitter as unknown as DatabaseEmitter;
    },
    closeEmitter(emitter) {
      emitters.delete(emitter as unknown as EventEmitter);
    },
    publish(name, facts) {
      const payload = Object.freeze({ file, ...facts });
      logEvent(name, payload);
      tell(name, payload);
    },
    publishSoon(name, facts) {
      const payload = Object.freeze({ file, ...facts });
      logEvent(name, payload);
      inMicrotask(() => tell(name, payload));
    },
    relay(name, facts) {
      emit(name, Object.freeze({ file, ...facts }));
    },
  };
}

function call(listener: Function, emitter: EventEmitter, payload: object, name: EventName, logger: Logger): void {
  const report = (error: unknown): void =>
    log(
      logger,
      'error',
      { event: name, err: error },
      `A listener of the "${name}" event threw; the database is not affected.`,
    );
  try {
    hear(Reflect.apply(listener, emitter, [payload]), report);
  } catch (error) {
    report(error);
  }
}

/** pino prints an error with its stack under the key `err`. */
function errorFacts(payload: object): object {
  return 'error' in payload ? { err: payload.error } : {};
}

function describe(
  name: EventName,
  payload: { readonly file: string; readonly message?: string; readonly error?: Error },
): string {
  const about = payload.message ?? payload.error?.message;
  return about === undefined ? name : `${name}: ${about}`;
}

/** Logs without throwing: a failing logger must not break the database, and cannot be reported anywhere. */
function log(logger: Logger, level: keyof Logger, facts: object, message: string): void {
  try {
    hear(logger[level](facts, visible(message)), () => {});
  } catch {}
}

/** Handles a rejected promise: an unhandled rejection would end the process. */
function hear(result: unknown, report: (error: unknown) => void): void {
  if (isThenable(result)) Promise.resolve(result).catch(report);
}
