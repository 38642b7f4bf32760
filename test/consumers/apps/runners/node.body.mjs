import assert from 'node:assert/strict';
import { mock, test } from 'node:test';
import * as library from 'safe-sqlite';
import { exercise, expected, forget } from './cases.js';

test('with real timers', async () => {
  assert.deepEqual(await exercise(library), expected);
});

test('with fake timers', async () => {
  mock.timers.enable();
  assert.deepEqual(await exercise(library), expected);
  mock.timers.reset();
});

test('left open', () => forget(library));
