/** Declares the fields that every error of this library carries besides its message, in both families. */

/** The fields that differ from one throw to the next. */
export interface ErrorContext {
  /** What to do now, for the person who reads the log. */
  readonly hint?: string;
  /** Typed facts about this occurrence: paths, numbers, names. Never bound values or secrets. */
  readonly details?: Readonly<Record<string, unknown>>;
  /** Where this occurrence differs from what its class usually is. */
  readonly retryable?: boolean;
  /** The error that caused this one. */
  readonly cause?: unknown;
}

export interface ErrorFacts {
  /** Stable and documented in docs/errors.md. */
  readonly code: string;
  /** What to do now, for the person who reads the log. */
  readonly hint: string;
  /** True if the same call may succeed later without a change. */
  readonly retryable: boolean;
  /** True if this connection, or this file in this process, can no longer be used. */
  readonly fatal: boolean;
  /** Typed facts about this occurrence. Never bound values or secrets. */
  readonly details: Readonly<Record<string, unknown>>;
}

const noDetails: Readonly<Record<string, unknown>> = Object.freeze({});

/**
 * Writes the fields to an error: `code`, `hint` and `details` are listed when the error is printed, the labels are not.
 */
export function describe(error: object, facts: Omit<ErrorFacts, 'details'>, context: ErrorContext): void {
  const details = context.details === undefined ? noDetails : Object.freeze({ ...context.details });
  define(error, 'code', facts.code, true);
  define(error, 'hint', context.hint ?? facts.hint, true);
  define(error, 'details', details, details !== noDetails);
  define(error, 'retryable', context.retryable ?? facts.retryable, false);
  define(error, 'fatal', facts.fatal, false);
  if (context.cause !== undefined) define(error, 'cause', context.cause, false);
}

function define(error: object, name: string, value: unknown, enumerable: boolean): void {
  Object.defineProperty(error, name, { value, enumerable, configurable: true, writable: true });
}
