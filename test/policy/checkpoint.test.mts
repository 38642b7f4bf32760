/** The checkpoint decision by its table: one row a rule, and the order of the rules. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import {
  checkpointPause,
  decideCheckpoint,
  growthPerPoll,
  mergeCheckpoint,
  type CheckpointFacts,
} from '../../dist/policy/checkpoint.js';
import type { ResolvedCheckpoint } from '../../dist/options/resolved.js';

const MiB = 1024 * 1024;

const settings: ResolvedCheckpoint = {
  walBytes: 4 * MiB,
  intervalMs: 30_000,
  truncateAboveBytes: 64 * MiB,
  owner: 'self',
  thread: 'worker',
};

/** A file at rest. */
const quiet: CheckpointFacts = {
  fenced: false,
  running: false,
  atCommit: false,
  eventLoopBlocked: false,
  occupied: false,
  walBytes: 0,
  pendingBytes: 0,
  commits: 0,
  fileBytes: 0,
  pendingForMs: 0,
  sinceAttemptMs: Number.POSITIVE_INFINITY,
  justCompleted: false,
  pauseMs: 0,
  inlinePauseMs: 0,
  truncatePauseMs: 0,
};

const full = { walBytes: 5 * MiB, pendingBytes: 5 * MiB, fileBytes: 5 * MiB };
const overrun = { walBytes: 130 * MiB, pendingBytes: 2 * MiB, fileBytes: 130 * MiB };
const nearlyCopied = { walBytes: 9 * MiB, pendingBytes: 4096, fileBytes: 9 * MiB };
const within = { ...nearlyCopied, fileBytes: 10 * MiB };
const growing = { walBytes: 4 * MiB, pendingBytes: 4096, fileBytes: 4 * MiB };
const large = { walBytes: 48 * MiB, pendingBytes: 4096, fileBytes: 48 * MiB, sinceAttemptMs: 10 };

type Row = [
  what: string,
  facts: Partial<CheckpointFacts>,
  action: string,
  settings?: Partial<ResolvedCheckpoint> | 'off',
];

const rows: readonly Row[] = [
  ['nothing in the WAL', {}, 'none'],
  ['little in the WAL', { walBytes: MiB, pendingBytes: MiB, fileBytes: MiB }, 'none'],
  ['as much as the limit', { ...full, pendingBytes: 4 * MiB }, 'passive'],
  ['more than the limit', full, 'passive'],
  ['more than the limit, tried a moment ago', { ...full, sinceAttemptMs: 10 }, 'passive'],
  ['little, but for as long as the interval', { pendingBytes: 4096, walBytes: 4096, pendingForMs: 30_000 }, 'passive'],
  ['all copied long ago', { walBytes: 3 * MiB, pendingForMs: 90_000 }, 'none'],

  ['fenced', { ...full, fenced: true }, 'none'],
  ['switched off', full, 'none', 'off'],
  ['another program checkpoints', full, 'none', { owner: 'external' }],
  ['another program checkpoints, whatever the size', overrun, 'none', { owner: 'external' }],
  ['one is running', { ...full, running: true }, 'none'],
  ['in a transaction, in a worker', { ...full, occupied: true }, 'passive'],
  ['in a transaction, in this thread', { ...full, occupied: true }, 'none', { thread: 'main' }],
  ['paused after a blocked one', { ...full, pauseMs: 1 }, 'none'],

  ['complete, and the file is large', { fileBytes: 65 * MiB, justCompleted: true }, 'truncate'],
  [
    'complete, the file is large, something is pending again',
    { ...nearlyCopied, fileBytes: 65 * MiB, justCompleted: true, inlinePauseMs: 1, sinceAttemptMs: 10 },
    'none',
  ],
  ['complete, and the file is small', { fileBytes: 64 * MiB, justCompleted: true }, 'none'],
  [
    'complete, the file is large, a lock was met before',
    { fileBytes: 65 * MiB, justCompleted: true, truncatePauseMs: 1, sinceAttemptMs: 0 },
    'none',
  ],
  ['complete, the file is large, but so is what is in it', { ...overrun, justCompleted: true }, 'inline'],
  ['large file, nothing pending, tried lately', { fileBytes: 65 * MiB, sinceAttemptMs: 29_999 }, 'none'],
  ['large file, nothing pending, not tried lately', { fileBytes: 65 * MiB, sinceAttemptMs: 30_000 }, 'passive'],

  ['writers leave no gap', { ...nearlyCopied, sinceAttemptMs: 999 }, 'none'],
  ['writers leave no gap, a second later', { ...nearlyCopied, sinceAttemptMs: 1000 }, 'passive'],
  ['writers leave no gap, and the WAL is large', large, 'passive'],
  ['right after that', { ...large, justCompleted: true }, 'inline'],
  ['right after that, all is copied', { ...large, pendingBytes: 0, justCompleted: true }, 'none'],
  ['a little less', { ...large, walBytes: 47 * MiB, justCompleted: true }, 'none'],
  ['large, with much to copy', { ...large, pendingBytes: 4 * MiB }, 'passive'],
  ['large, while one is running', { ...large, running: true }, 'none'],
  ['large, but a reader pinned it before', { ...large, justCompleted: true, inlinePauseMs: 1 }, 'none'],
  ['large, in a transaction', { ...large, justCompleted: true, occupied: true }, 'none'],
  [
    'two limits in one',
    { ...nearlyCopied, justCompleted: true, fileBytes: 4 * MiB },
    'inline',
    { truncateAboveBytes: 4 * MiB },
  ],
  ['two limits in one, too early', { ...nearlyCopied, walBytes: 7 * MiB }, 'passive', { truncateAboveBytes: 4 * MiB }],

  ['many small commits', { ...nearlyCopied, commits: 2000, sinceAttemptMs: 10 }, 'passive'],
  ['many small commits, right after that', { ...nearlyCopied, commits: 2000, justCompleted: true }, 'inline'],
  ['fewer of them', { ...within, commits: 1999, sinceAttemptMs: 10, justCompleted: true }, 'none'],
  ['fewer of them, and the file grows', { ...growing, commits: 1000, justCompleted: true }, 'inline'],
  ['fewer of them, and the file grows, before that', { ...growing, commits: 1000, sinceAttemptMs: 1000 }, 'passive'],
  ['fewer still, and the file grows', { ...growing, commits: 999, sinceAttemptMs: 10, justCompleted: true }, 'none'],
  ['they end within the file', { ...growing, fileBytes: 9 * MiB, commits: 3000, justCompleted: true }, 'passive'],
  ['very small ones', { ...nearlyCopied, commits: 9000, walBytes: 7 * MiB, justCompleted: true }, 'passive'],
  [
    'many in a loop that never yields: the writer waits',
    { ...nearlyCopied, commits: 2000, atCommit: true, running: true, eventLoopBlocked: true },
    'inline',
  ],
  [
    'many in a loop that yields, while one runs',
    { ...nearlyCopied, commits: 2000, atCommit: true, running: true },
    'none',
  ],
  ['large in a loop that never yields', { ...large, atCommit: true, running: true, eventLoopBlocked: true }, 'inline'],
  ['at a commit, not large', { ...nearlyCopied, atCommit: true, running: true }, 'none'],
  ['at a commit, overrun, while one runs: the writer waits', { ...overrun, atCommit: true, running: true }, 'inline'],
  ['at a commit, overrun, and none runs yet', { ...overrun, pendingBytes: 9 * MiB, atCommit: true }, 'passive'],
  ['overrun while one runs', { ...overrun, running: true }, 'none'],
  ['overrun in a transaction', { ...overrun, occupied: true, sinceAttemptMs: 1000 }, 'passive'],
  ['overrun, but paused', { ...overrun, pauseMs: 1 }, 'none'],
  ['overrun at a commit, but paused', { ...overrun, atCommit: true, running: true, pauseMs: 1 }, 'none'],
  ['overrun, but all is copied', { ...overrun, pendingBytes: 0, sinceAttemptMs: 10 }, 'none'],
];

describe('decideCheckpoint', () => {
  for (const [what, facts, action, changed] of rows) {
    test(`${what}: ${action}`, () => {
      const decision = decideCheckpoint(
        { ...quiet, ...facts },
        changed === 'off' ? 'off' : { ...settings, ...changed },
      );
      assert.equal(decision.action, action);
      assert.ok(decision.reason.length > 10);
    });
  }

  const anyFacts = fc.record({
    fenced: fc.boolean(),
    running: fc.boolean(),
    atCommit: fc.boolean(),
    eventLoopBlocked: fc.boolean(),
    commits: fc.nat(4000),
    occupied: fc.boolean(),
    walBytes: fc.nat(200 * MiB),
    pendingBytes: fc.nat(200 * MiB),
    fileBytes: fc.nat(200 * MiB),
    pendingForMs: fc.nat(100_000),
    sinceAttemptMs: fc.nat(100_000),
    justCompleted: fc.boolean(),
    pauseMs: fc.nat(2),
    inlinePauseMs: fc.nat(2),
    truncatePauseMs: fc.nat(2),
  });

  test('whatever the facts: nothing when fenced, external or off; no finish in a transaction; truncate only behind a complete one', () => {
    fc.assert(
      fc.property(anyFacts, fc.constantFrom('self', 'external'), (facts, owner) => {
        const { action } = decideCheckpoint(facts, { ...settings, owner });
        if (facts.fenced || owner === 'external') assert.equal(action, 'none');
        if (facts.occupied) assert.notEqual(action, 'inline');
        if (action === 'truncate') {
          assert.ok(facts.justCompleted && facts.pendingBytes === 0 && facts.fileBytes > settings.truncateAboveBytes);
        }
        if (facts.running && !facts.atCommit) assert.equal(action, 'none');
        assert.equal(decideCheckpoint(facts, 'off').action, 'none');
      }),
    );
  });
});

describe('growthPerPoll', () => {
  test('is a quarter of the size at which the file is truncated, and no less than small commits write', () => {
    assert.equal(growthPerPoll(settings), 16 * MiB);
    assert.equal(growthPerPoll({ ...settings, truncateAboveBytes: MiB }), MiB);
    assert.equal(growthPerPoll('off'), Number.POSITIVE_INFINITY);
  });
});

describe('checkpointPause', () => {
  test('doubles to its limit, with a quarter of jitter', () => {
    const middle = (outcome: 'blocked' | 'failed') => [1, 2, 3, 50].map(n => checkpointPause(outcome, n, 0.5));
    assert.deepEqual(middle('blocked'), [50, 100, 200, 10_000]);
    assert.deepEqual(middle('failed'), [1000, 2000, 4000, 60_000]);
    assert.equal(checkpointPause('failed', 1, 0), 875);
    assert.ok(checkpointPause('failed', 1, 0.999) < 1125);
  });
});

describe('mergeCheckpoint', () => {
  const other: ResolvedCheckpoint = {
    walBytes: MiB,
    intervalMs: 60_000,
    truncateAboveBytes: 8 * MiB,
    owner: 'self',
    thread: 'main',
  };

  test('is the strictest of each', () => {
    assert.deepEqual(mergeCheckpoint([settings, other]), { ...other, intervalMs: 30_000 });
    assert.deepEqual(mergeCheckpoint([other, settings]), { ...other, intervalMs: 30_000 });
    assert.deepEqual(mergeCheckpoint([settings]), settings);
  });

  test("'off' counts if all agree, 'external' always", () => {
    assert.equal(mergeCheckpoint([]), 'off');
    assert.equal(mergeCheckpoint(['off', 'off']), 'off');
    assert.deepEqual(mergeCheckpoint(['off', settings]), settings);
    const external: ResolvedCheckpoint = { ...settings, owner: 'external' };
    assert.deepEqual(mergeCheckpoint([settings, external]), external);
    assert.deepEqual(mergeCheckpoint([external, settings]), external);
  });
});
