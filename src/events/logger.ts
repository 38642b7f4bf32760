/** Declares the smallest part of a pino logger that this library needs. */

type LogMethod = (facts: object, message: string) => void;

/** A pino logger, or any object with these methods. */
export interface Logger {
  debug: LogMethod;
  info: LogMethod;
  warn: LogMethod;
  error: LogMethod;
  fatal: LogMethod;
}
