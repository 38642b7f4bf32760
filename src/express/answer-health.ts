/** Decides the HTTP answer for the state of a database. */
import { types } from 'node:util';
import { errorCode, errorMessage, errorName } from '../base/foreign-error';
import type { HttpAnswer } from './http';

/** The part of a database that this uses: the `health()` of `Database`. */
export interface DatabaseWithHealth {
  health(): { readonly status: 'ok' | 'degraded' | 'fenced'; readonly reasons: readonly string[] };
}

export interface HealthAnswerOptions {
  /**
   * `'all'` (default) answers with everything in `db.health()`, including file names; `'status'` with `status` alone,
   * for a public route.
   */
  readonly facts?: 'all' | 'status';
}

/**
 * Returns 200 while the database serves, 503 if it does not: fenced, closed, or unable to report.
 *
 * `degraded` is 200: reads and writes work, so taking the one process that has the file out of service would turn a
 * warning into an outage. Watch `status` or the events instead.
 */
export function answerForHealth(db: DatabaseWithHealth, options: HealthAnswerOptions = {}): HttpAnswer {
  const facts = healthOf(db);
  const serves = facts['status'] === 'ok' || facts['status'] === 'degraded';
  return {
    status: serves ? 200 : 503,
    headers: { 'cache-control': 'no-store' },
    body: options.facts === 'status' ? { status: facts['status'] } : facts,
  };
}

function healthOf(db: DatabaseWithHealth): Record<string, unknown> {
  try {
    return plain({ ...db.health() }) as Record<string, unknown>;
  } catch (error) {
    const code = errorCode(error);
    if (code === 'SAFE_SQLITE_CLOSED') return { status: 'closed', reasons: ['the database is closed'] };
    return { status: 'unknown', reasons: [`its health could not be read: ${code ?? 'an error without a code'}`] };
  }
}

/** JSON has no bigint, and shows no members of an error. */
function plain(value: unknown): unknown {
  if (typeof value === 'bigint') return value.toString();
  if (types.isDate(value)) return value.toISOString();
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== 'object' || value === null) return value;
  if (Object.hasOwn(value, 'stack')) {
    return { name: errorName(value), code: errorCode(value), message: errorMessage(value) };
  }
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, plain(member)]));
}
