import { expect, test, vi } from 'vitest';
import * as library from 'safe-sqlite';
import { exercise, expected, forget } from './cases.js';

test('with real timers', async () => {
  expect(await exercise(library)).toEqual(expected);
});

test('with fake timers', async () => {
  const toFake = ['setTimeout', 'setInterval', 'setImmediate', 'queueMicrotask', 'performance', 'Date'];
  vi.useFakeTimers({ toFake });
  expect(await exercise(library)).toEqual(expected);
  vi.useRealTimers();
});

test('left open', () => forget(library));
