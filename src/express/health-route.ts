/** Implements `healthRoute`, a route for load balancers, orchestrators and people. */
import { answerForHealth, type DatabaseWithHealth, type HealthAnswerOptions } from './answer-health';
import { send, type HttpResponse } from './http';

export type RouteHandler = (request: unknown, response: HttpResponse) => void;

/**
 * Answers with the health of `db` as JSON: 200 while it serves (`ok`, `degraded`), 503 if it is fenced or closed.
 *
 * It reports known facts: it neither accesses the file nor waits for a lock.
 *
 * @example app.get('/health', healthRoute(db));
 */
export function healthRoute(db: DatabaseWithHealth, options: HealthAnswerOptions = {}): RouteHandler {
  return (_request, response) => send(response, answerForHealth(db, options));
}
