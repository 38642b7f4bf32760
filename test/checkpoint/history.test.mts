/** Tests the state after a series of results: streaks, pauses, and what ends them. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  noHistory,
  pauseOf,
  withFailure,
  withPin,
  withRestart,
  withResult,
  type History,
} from '../../dist/checkpoint/history.js';
import type { CheckpointResult } from '../../dist/maintenance/messages.js';

const middle = 0.5;

function result(mode: 'passive' | 'truncate', complete: boolean): CheckpointResult {
  return { mode, complete, busy: !complete, walFrames: 5, checkpointedFrames: 5, walBytes: 4096, durationMs: 1 };
}

const after = (history: History, mode: 'passive' | 'truncate', complete: boolean, now: number): History =>
  withResult(history, result(mode, complete), now, middle);

describe('the history of a file', () => {
  test('blocked in a row, until one is complete', () => {
    let history = after(noHistory, 'passive', false, 1000);
    assert.equal(pauseOf(history.blocked, 1000), 50);
    history = after(history, 'passive', false, 2000);
    assert.deepEqual(history.blocked, { consecutive: 2, since: 1000, pausedUntil: 2100 });
    assert.equal(pauseOf(history.blocked, 2200), 0);
    history = after(history, 'passive', true, 3000);
    assert.equal(history.blocked, null);
    assert.equal(history.completeAt, 3000);
  });

  test('a file that cannot be made shorter does not pause the others', () => {
    let history = after(noHistory, 'truncate', false, 1000);
    assert.equal(history.blocked, null);
    assert.equal(history.untruncated?.consecutive, 1);
    history = after(history, 'passive', true, 2000);
    assert.equal(history.untruncated?.consecutive, 1);
    assert.equal(after(history, 'truncate', true, 3000).untruncated, null);
  });

  test('pinned until the WAL starts over', () => {
    let history = withPin(noHistory, 1000, middle);
    history = withPin(history, 2000, middle);
    assert.deepEqual(history.pinned, { consecutive: 2, since: 1000, pausedUntil: 2100 });
    assert.equal(after(history, 'passive', true, 3000).pinned?.consecutive, 2);
    assert.equal(withRestart(history).pinned, null);
  });

  test('failed in a row, until one has run', () => {
    const full = new Error('full');
    let history = withFailure(noHistory, full, 1000, middle);
    history = withFailure(history, full, 5000, middle);
    assert.deepEqual(history.failed, { consecutive: 2, since: 1000, pausedUntil: 7000, error: full });
    assert.equal(after(history, 'passive', false, 8000).failed, null);
  });
});
