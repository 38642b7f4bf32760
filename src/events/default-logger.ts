/** The logger of those who pass none: pino at `warn` to standard error, loaded when the first line is written. */
import type pino from 'pino';
import { processGlobal } from '../base/process-global';
import type { Logger } from './logger';

/** Standard error: the output of the application belongs to the application. */
const standardError = 2;

let loaded: Logger | null = null;

function load(): Logger {
  if (loaded === null) {
    // Loading pino costs more than opening a database, and a healthy database writes no line.
    const create = require('pino') as typeof pino;
    loaded = create({ name: 'safe-sqlite', level: 'warn' }, create.destination({ fd: standardError, sync: true }));
  }
  return loaded;
}

export const defaultLogger: Logger = Object.freeze({
  debug() {},
  info() {},
  warn: (facts: object, message: string) => load().warn(facts, message),
  error: (facts: object, message: string) => load().error(facts, message),
  fatal: (facts: object, message: string) => load().fatal(facts, message),
});

/** `logger: false`; the same for every copy of this package, so that it never contradicts itself. */
export const silentLogger: Logger = processGlobal('silent-logger', 1, () =>
  Object.freeze({ debug() {}, info() {}, warn() {}, error() {}, fatal() {} }),
);
