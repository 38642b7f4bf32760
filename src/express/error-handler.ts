/** Implements `sqliteErrorHandler`, the error handler for `app.use` after all routes. */
import { answerForError, type ErrorAnswerOptions } from './answer-error';
import { send, type HttpResponse } from './http';

/** Four parameters, by which Express recognizes an error handler. */
export type ErrorHandler = (
  error: unknown,
  request: unknown,
  response: HttpResponse,
  next: (error?: unknown) => void,
) => void;

/**
 * Answers the errors of the database that a client can act on, and passes every other error on:
 *
 * - busy, and a full write queue: 503 with `Retry-After`
 * - no space left: 507
 * - a record that already exists: 409
 * - a fenced database: 503
 *
 * The body holds the code and a fixed sentence, never SQL, values or names. If the headers have been sent, the error is
 * passed on as Express requires.
 *
 * @throws RangeError if `retryAfterSeconds` is not a positive whole number
 *
 * @example app.use(sqliteErrorHandler());
 */
export function sqliteErrorHandler(options: ErrorAnswerOptions = {}): ErrorHandler {
  const { retryAfterSeconds } = options;
  if (retryAfterSeconds !== undefined && !(Number.isSafeInteger(retryAfterSeconds) && retryAfterSeconds > 0)) {
    throw new RangeError(
      `Expected the \`retryAfterSeconds\` option to be a positive whole number, got \`${String(retryAfterSeconds)}\`.`,
    );
  }
  return (error, _request, response, next) => {
    const answer = response.headersSent ? null : answerForError(error, options);
    if (answer === null) next(error);
    else send(response, answer);
  };
}
