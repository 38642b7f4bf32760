/** The default logger: pino at `warn` to standard error, as JSON, or as readable lines where that is a terminal. */
import { isatty } from 'node:tty';
import type pino from 'pino';
import { processGlobal } from '../base/process-global';
import { visibleJson } from '../base/terminal-text';
import type { Logger } from './logger';
import { terminalLine } from './terminal-line';

/** Standard error: the output of the application belongs to the application. */
const standardError = 2;

/**
 * Loads pino for the first database that asks for it: it costs more than opening one, and whoever passes a logger never
 * needs it. Not at the first line: that may be written by a timer or a finalizer after the tests of a file, where Jest
 * lets nobody load a module and fails the run.
 */
export function defaultLogger(): Logger {
  return processGlobal('default-logger', 1, () => {
    const create = require('pino') as typeof pino;
    const destination = create.destination({ fd: standardError, sync: true });
    // JSON lets controls above 0x7f and bidirectional text through, which a terminal acts on.
    const shown = isatty(standardError) ? terminalLine : visibleJson;
    return create({ name: 'safe-sqlite', level: 'warn' }, { write: line => void destination.write(shown(line)) });
  });
}

/** `logger: false`; the same for every copy of this package, so that it never contradicts itself. */
export const silentLogger: Logger = processGlobal('silent-logger', 1, () =>
  Object.freeze({ debug() {}, info() {}, warn() {}, error() {}, fatal() {} }),
);
