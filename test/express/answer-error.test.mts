import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { answerForError } from '../../dist/express/answer-error.js';
import { refusalCodes } from '../../dist/errors/refusal-codes.js';
import { resultCodes } from '../../dist/errors/result-codes.js';

const busy = { status: 503, retryAfter: '1', retryable: true };
const fenced = { status: 503, retryAfter: undefined, retryable: false };
const conflict = { status: 409, retryAfter: undefined, retryable: false };

const invalid = { status: 400, retryAfter: undefined, retryable: false };

type Expected = typeof fenced | typeof busy;

/** The codes with an answer of their own. */
const exact: Record<string, Expected> = {
  SAFE_SQLITE_WRITE_QUEUE_FULL: busy,
  SAFE_SQLITE_READ_QUEUE_FULL: busy,
  SAFE_SQLITE_READER_FAILED: busy,
  SAFE_SQLITE_QUERY_TIMEOUT: fenced,
  SAFE_SQLITE_CLOSED: fenced,
  SAFE_SQLITE_FENCED: fenced,
  SAFE_SQLITE_LOCKS_LOST: fenced,
  SAFE_SQLITE_FILE_REPLACED: fenced,
  SQLITE_BUSY: busy,
  SQLITE_BUSY_SNAPSHOT: busy,
  SQLITE_FULL: { status: 507, retryAfter: undefined, retryable: false },
  SQLITE_TOOBIG: { status: 413, retryAfter: undefined, retryable: false },
  SQLITE_CONSTRAINT_UNIQUE: conflict,
  SQLITE_CONSTRAINT_PRIMARYKEY: conflict,
  SQLITE_CONSTRAINT_ROWID: conflict,
  SQLITE_CONSTRAINT_FOREIGNKEY: conflict,
  SQLITE_CONSTRAINT_NOTNULL: invalid,
  SQLITE_CONSTRAINT_CHECK: invalid,
  SQLITE_IOERR_FSYNC: fenced,
  SQLITE_CORRUPT: fenced,
};

const labels = new Map<string, { retryable: boolean; fatal: boolean }>([
  ...resultCodes,
  ...Object.values(refusalCodes).map(row => [row.code, row] as const),
]);

/** By the table of docs/errors.md. */
function expectedFor(code: string): Expected | undefined {
  if (exact[code] !== undefined) return exact[code];
  if (code.startsWith('SQLITE_CONSTRAINT')) return invalid;
  if (labels.get(code)?.retryable === true) return busy;
  return labels.get(code)?.fatal === true ? fenced : undefined;
}

function withCode(code: string, more: object = {}): Error {
  return Object.assign(new Error('INSERT INTO secrets VALUES (42)'), { code, ...more });
}

describe('answerForError', () => {
  test('answers exactly the codes of the table, out of every code there is', () => {
    const all = [...labels.keys()];
    assert.ok(all.length > 100);
    for (const code of Object.keys(exact)) assert.ok(all.includes(code), `${code} exists`);
    for (const code of all) {
      const answer = answerForError(withCode(code));
      const row = expectedFor(code);
      if (row === undefined) {
        assert.equal(answer, null, code);
        continue;
      }
      assert.equal(answer?.status, row.status, code);
      assert.equal(answer.headers['retry-after'], row.retryAfter, code);
      assert.equal(answer.body['retryable'], row.retryable, code);
      assert.equal(answer.body['error'], code);
      assert.equal(answer.headers['cache-control'], 'no-store');
      assert.doesNotMatch(JSON.stringify(answer), /INSERT|secrets|42/);
    }
  });

  test('goes by what the error itself says: an obstacle, and labels that differ from those of its code', () => {
    const write = (details: object, more: object = {}) =>
      answerForError(withCode('SQLITE_IOERR_WRITE', { details, ...more }))?.status;
    assert.deepEqual(
      ['EDQUOT', 'ENOSPC'].map(obstacle => write({ obstacle }, { fatal: false })),
      [507, 507],
    );
    assert.equal(write({}), 503);
    assert.equal(write({ obstacle: 'EROFS' }, { fatal: false }), undefined);
  });

  test('finds what an ORM wrapped, the outermost first', () => {
    const wrapped = new Error('could not save', { cause: new Error('again', { cause: withCode('SQLITE_BUSY') }) });
    assert.equal(answerForError(wrapped)?.status, 503);
    assert.equal(answerForError({ driverError: withCode('SQLITE_CONSTRAINT_UNIQUE') })?.status, 409);
    const fault = withCode('SAFE_SQLITE_FENCED', { cause: withCode('SQLITE_FULL') });
    assert.equal(answerForError(fault)?.body['error'], 'SAFE_SQLITE_FENCED');
  });

  test('leaves alone what has an answer, what is no error, and chains that run in circles', () => {
    assert.equal(answerForError(Object.assign(withCode('SQLITE_BUSY'), { status: 418 })), null);
    const decided = Object.assign(new Error('gone', { cause: withCode('SQLITE_BUSY') }), { statusCode: 410 });
    assert.equal(answerForError(decided), null);
    for (const value of [null, undefined, 'SQLITE_BUSY', 5, {}, { code: 5 }]) assert.equal(answerForError(value), null);
    const circle = new Error('circle');
    circle.cause = circle;
    assert.equal(answerForError(circle), null);
  });

  test('does not invite a retry when it is unknown whether the change is stored', () => {
    const answer = answerForError(withCode('SQLITE_BUSY', { commitOutcome: 'unknown' }));
    assert.equal(answer?.status, 500);
    assert.equal(answer.headers['retry-after'], undefined);
    assert.deepEqual(answer.body, {
      error: 'SQLITE_BUSY',
      message: 'The change may or may not be stored.',
      retryable: false,
      commitOutcome: 'unknown',
    });
    // Whatever the code is: the commit of a disk that failed has the code of a system call.
    const failed = answerForError(withCode('SQLITE_IOERR_FSYNC', { commitOutcome: 'unknown', fatal: true }));
    assert.deepEqual([failed?.status, failed?.body['message']], [500, 'The change may or may not be stored.']);
    const undone = answerForError(withCode('SQLITE_FULL', { commitOutcome: 'rolled-back' }));
    assert.equal(undone?.body['commitOutcome'], 'rolled-back');
  });
});
