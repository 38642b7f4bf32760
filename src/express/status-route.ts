/** Implements `statusRoute`, a page about one database for people. */
import { basename } from 'node:path';
import { wallClockNow } from '../base/clock';
import { errorCode, errorName } from '../base/foreign-error';
import type { DatabaseHealth } from '../health/health';
import { refuseOption } from '../options/checks';
import { checkOptionNames } from '../options/option-names';
import type { Plan } from '../policy/plan';
import { sendHtml, type HtmlAnswer, type HttpResponse } from './http';
import type { RouteHandler } from './health-route';
import { defaultSampleMs, sampleOf, StatusHistory } from './status-history';
import { silentPage, statusPage as pageOf, type PageFacts } from './status-page';
import { contentSecurityPolicy } from './status-style';

/** The part of a database that the page uses. */
export interface DatabaseWithStatus {
  health(): DatabaseHealth;
  readonly plan?: Plan;
}

export interface StatusPageOptions {
  /** The name in the title of the page. Default: the name of the file. */
  readonly title?: string | undefined;
  /** Time between two points of the charts, in milliseconds. Default 10 000. The charts show the last hour. */
  readonly sampleMs?: number | undefined;
}

/**
 * Serves a page about `db` for people: what is wrong and the next command, charts of the last hour (commits, their
 * latency, WAL, checkpoints, readers, backups), and the decisions at open. One document, with nothing loaded from
 * elsewhere.
 *
 * It names files, mounts and SQLite's version: **put it behind a login**. The charts begin with this call, so call it
 * when the service starts. Status 200 while the database serves, 503 if it is fenced or closed, like `healthRoute`.
 *
 * @throws InvalidOptionError
 *
 * @example app.get('/status', requireLogin, statusRoute(db));
 */
export function statusRoute(db: DatabaseWithStatus, options: StatusPageOptions = {}): RouteHandler {
  const page = statusPage(db, options);
  return (_request: unknown, response: HttpResponse) => sendHtml(response, page());
}

/**
 * Returns the same page as a value, for frameworks with a response of their own. Each call returns the current page.
 *
 * @throws InvalidOptionError
 *
 * @example const page = statusPage(db); fastify.get('/status', (request, reply) => {
 *   const { status, headers, body } = page();
 *   return reply.code(status).headers(headers).send(body); });
 */
export function statusPage(db: DatabaseWithStatus, options: StatusPageOptions = {}): () => HtmlAnswer {
  checkOptionNames(options, ['title', 'sampleMs'], 'statusRoute');
  const { title, sampleMs = defaultSampleMs } = options;
  if (title !== undefined && typeof title !== 'string') refuseOption('title', 'a string', title);
  if (!Number.isSafeInteger(sampleMs) || sampleMs < 1)
    refuseOption('sampleMs', 'a whole number of milliseconds', sampleMs);
  const history = new StatusHistory(() => db.health(), sampleMs);
  return () => answer(db, history, title);
}

function answer(db: DatabaseWithStatus, history: StatusHistory, title: string | undefined): HtmlAnswer {
  const facts: PageFacts = {
    title: title ?? 'database',
    now: wallClockNow(),
    pid: process.pid,
    samples: history.samples,
  };
  try {
    const health = db.health();
    const named = { ...facts, title: title ?? basename(health.file ?? ':memory:') };
    // The last point is the current one and is not kept: the kept points have equal distances.
    const samples = [...history.samples, sampleOf(health)];
    const page = pageOf(health, db.plan ?? null, { ...named, samples });
    return htmlAnswer(health.status === 'fenced' ? 503 : 200, String(page));
  } catch (error) {
    const code = errorCode(error);
    const closed = code === 'SAFE_SQLITE_CLOSED';
    const reason = closed
      ? 'It was closed in this process; the service is ending, or has to be started again.'
      : `Its health could not be read: ${code ?? errorName(error)}.`;
    const next = closed
      ? 'the log of the service, for what closed it; then start the service again.'
      : 'the log of the service, then npx safe-sqlite doctor <file>.';
    return htmlAnswer(503, String(silentPage(closed ? 'closed' : 'silent', reason, next, facts)));
  }
}

function htmlAnswer(status: number, body: string): HtmlAnswer {
  return {
    status,
    headers: {
      'content-type': 'text/html; charset=utf-8',
      'cache-control': 'no-store',
      'content-security-policy': contentSecurityPolicy,
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'no-referrer',
    },
    body,
  };
}
