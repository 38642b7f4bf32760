/** Creates the default logger: pino at `warn` to standard error, as JSON, or as readable lines on a terminal. */
import { isatty } from 'node:tty';
import type pino from 'pino';
import { processGlobal } from '../base/process-global';
import { visibleJson } from '../base/terminal-text';
import type { Logger } from './logger';
import { terminalLine } from './terminal-line';

/** Standard error: standard output belongs to the application. */
const standardError = 2;

const defaultLoggers = processGlobal('default-loggers', 1, () => new WeakSet<Logger>());

/**
 * Loads pino with the first database that needs it: loading costs more than opening a database, and an application that
 * passes a logger never needs it. Not with the first log line: a timer or finalizer may write that after the tests of a
 * file have ended, when Jest refuses to load modules and fails the run.
 */
export function defaultLogger(): Logger {
  return processGlobal('default-logger', 1, () => {
    const create = require('pino') as typeof pino;
    const destination = create.destination({ fd: standardError, sync: true });
    // JSON passes controls above 0x7f and bidirectional text through, which a terminal interprets.
    const shown = isatty(standardError) ? terminalLine : visibleJson;
    const logger = create(
      { name: 'safe-sqlite', level: 'warn' },
      { write: line => void destination.write(shown(line)) },
    );
    defaultLoggers.add(logger);
    return logger;
  });
}

/** True for the logger of `defaultLogger`, whichever copy of this package has created it; creates none. */
export function isDefaultLogger(logger: Logger): boolean {
  return defaultLoggers.has(logger);
}

/** `logger: false`; one instance for every copy of this package. */
export const silentLogger: Logger = processGlobal('silent-logger', 1, () =>
  Object.freeze({ debug() {}, info() {}, warn() {}, error() {}, fatal() {} }),
);
