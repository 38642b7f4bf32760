/** Exports the surface of `safe-sqlite/express`. */

export { answerForError, type ErrorAnswerOptions } from './answer-error';
export { answerForHealth, type DatabaseWithHealth, type HealthAnswerOptions } from './answer-health';
export { sqliteErrorHandler, type ErrorHandler } from './error-handler';
export { healthRoute, type RouteHandler } from './health-route';
export type { HtmlAnswer, HttpAnswer, HttpResponse } from './http';
export { statusPage, statusRoute, type DatabaseWithStatus, type StatusPageOptions } from './status-route';
