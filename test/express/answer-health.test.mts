import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ClosedDatabaseError } from 'safe-sqlite';
import { answerForHealth } from '../../dist/express/answer-health.js';

const says = (status: 'ok' | 'degraded' | 'fenced', more: object = {}) => ({
  health: () => ({ status, reasons: status === 'ok' ? [] : ['a reason'], ...more }),
});
const throws = (error: unknown) => ({
  health: (): never => {
    throw error;
  },
});

describe('answerForHealth', () => {
  const table = [
    { state: 'ok', db: says('ok'), status: 200, body: { status: 'ok', reasons: [] } },
    { state: 'degraded', db: says('degraded'), status: 200, body: { status: 'degraded', reasons: ['a reason'] } },
    { state: 'fenced', db: says('fenced'), status: 503, body: { status: 'fenced', reasons: ['a reason'] } },
    {
      state: 'closed',
      db: throws(new ClosedDatabaseError('The database connection is not open')),
      status: 503,
      body: { status: 'closed', reasons: ['the database is closed'] },
    },
    {
      state: 'in an unknown state',
      db: throws(new Error('/srv/secret/path')),
      status: 503,
      body: { status: 'unknown', reasons: ['its health could not be read: an error without a code'] },
    },
  ];
  for (const { state, db, status, body } of table) {
    test(`${status} when the database is ${state}`, () => {
      const answer = answerForHealth(db);
      assert.equal(answer.status, status);
      assert.deepEqual(answer.body, body);
      assert.equal(answer.headers['cache-control'], 'no-store');
      assert.deepEqual(answerForHealth(db, { facts: 'status' }).body, { status: body.status });
    });
  }

  test('makes JSON of facts that JSON does not know', () => {
    const fault = Object.assign(new Error('disk'), { code: 'SQLITE_IOERR' });
    const db = says('ok', { bytes: 2n ** 60n, at: new Date(0), last: { fault }, none: null, list: [1n] });
    assert.deepEqual(answerForHealth(db).body, {
      status: 'ok',
      reasons: [],
      bytes: '1152921504606846976',
      at: '1970-01-01T00:00:00.000Z',
      last: { fault: { name: 'Error', code: 'SQLITE_IOERR', message: 'disk' } },
      none: null,
      list: ['1'],
    });
  });
});
