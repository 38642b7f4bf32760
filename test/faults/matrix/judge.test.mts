import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Cell } from './cells.mts';
import { countCalls, nameOf, parseCell, patternOf, targetOf } from './cells.mts';
import { judge, summarize } from './judge.mts';
import type { Outcome } from './run.mts';

const cell: Cell = { operation: 'commit-wal', call: 'fsync', target: 'wal', fault: 'EIO', nth: 1, duration: 'once' };
const fsyncError = { name: 'SqliteFsyncError', code: 'SQLITE_IOERR_FSYNC', message: 'disk I/O error', hint: 'Look.' };
const fenced = { name: 'FencedDatabaseError', code: 'SAFE_SQLITE_FENCED', message: 'fenced' };
const good: Outcome = {
  cell,
  subject: 'ours',
  hits: 1,
  error: null,
  told: null,
  followUp: { read: null, write: null },
  closeError: null,
  afterCrash: [],
  afterFollowUp: [],
  afterClose: [],
};

describe('the judgement of an outcome', () => {
  const table: readonly (readonly [string, Partial<Outcome>, string])[] = [
    ['a call that was never made', { hits: 0 }, 'not reached'],
    [
      'an error without a hint of this library',
      { error: { ...fsyncError, name: 'SqliteError', hint: undefined } },
      '**untyped** SQLITE_IOERR_FSYNC',
    ],
    [
      'the same from better-sqlite3',
      { subject: 'raw', error: { ...fsyncError, hint: undefined } },
      'SQLITE_IOERR_FSYNC',
    ],
    ['success in spite of a failed sync', {}, '**silent**'],
    ['an error that is thrown', { error: fsyncError }, 'SQLITE_IOERR_FSYNC'],
    ['an error that an event tells of', { told: fsyncError }, 'event: SQLITE_IOERR_FSYNC'],
    [
      'an error that leaves the outcome open',
      { error: { ...fsyncError, commitOutcome: 'unknown' } },
      'SQLITE_IOERR_FSYNC (outcome unknown)',
    ],
    [
      'an error that fences the file',
      { error: fsyncError, followUp: { read: fenced, write: fenced } },
      'SQLITE_IOERR_FSYNC, fenced',
    ],
    ['a loss, whatever was thrown', { error: fsyncError, afterClose: ['lost'] }, '**lost** SQLITE_IOERR_FSYNC'],
    [
      'a connection that stays broken',
      { error: fsyncError, followUp: { read: null, write: fsyncError } },
      '**stuck** SQLITE_IOERR_FSYNC',
    ],
    ['success after which nothing works', { followUp: { read: fsyncError, write: null } }, '**silent**'],
    ['a short write', { cell: { ...cell, call: 'write', fault: 'short' } }, 'ok'],
    ['a lock that failed once', { cell: { ...cell, call: 'lock', target: 'shm' } }, 'ok'],
    [
      'a lock that failed permanently',
      { cell: { ...cell, call: 'lock', target: 'shm', duration: 'lasting' } },
      '**silent**',
    ],
    ['the deletion of a WAL at close', { cell: { ...cell, operation: 'close', call: 'unlink' } }, 'ok'],
    [
      'the deletion of a journal at commit',
      { cell: { ...cell, operation: 'commit-delete', call: 'unlink' } },
      '**silent**',
    ],
    [
      'the deletion of a journal behind that of its super-journal',
      { cell: { ...cell, operation: 'commit-both-journals', call: 'unlink', target: 'attached-journal' } },
      'ok',
    ],
    [
      'the deletion of the super-journal itself',
      { cell: { ...cell, operation: 'commit-both-journals', call: 'unlink', target: 'super-journal' } },
      '**silent**',
    ],
  ];
  for (const [title, change, words] of table)
    test(`${title}: ${words}`, () => {
      assert.equal(summarize({ ...good, ...change }), words);
      assert.notEqual(judge({ ...good, ...change }).reason, '');
    });
});

describe('the names of the cells', () => {
  test('a cell is found again by its name', () => assert.deepEqual(parseCell(nameOf(cell)), cell));

  test('a file is found again by its part', () => {
    for (const name of ['t.db', 't.db-wal', 't.db-shm', 't.db-journal', 'attached.db', 'attached.db-shm', 'copy.db'])
      assert.equal(patternOf(targetOf(`/f/${name}`, '/f'), '/f'), `/f/${name}`);
    assert.equal(patternOf(targetOf('/f', '/f'), '/f'), '/f');
    assert.equal(patternOf(targetOf('/f/t.db-mjF00D9A1C', '/f'), '/f'), '/f/t.db-mj*');
  });

  test('only the passes of the counting rule are counted', () => {
    const line = { pid: 1, call: 'fsync', nth: 1, offset: -1, length: -1, path: '/f/t.db-wal' };
    assert.deepEqual(
      countCalls(
        'x',
        [
          { ...line, outcome: 'pass' },
          { ...line, outcome: 'lie' },
        ],
        '/f',
      ),
      [{ operation: 'x', call: 'fsync', target: 'wal', calls: 1 }],
    );
  });
});
