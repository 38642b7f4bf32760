const library = require('safe-sqlite');
const { exercise, expected, forget } = require('./cases');

test('with real timers', async () => {
  expect(await exercise(library)).toEqual(expected);
});

test('with fake timers', async () => {
  jest.useFakeTimers();
  expect(await exercise(library)).toEqual(expected);
  jest.useRealTimers();
});

test('loaded again, also beside fake timers', async () => {
  jest.resetModules();
  expect(await exercise(require('safe-sqlite'))).toEqual(expected);
  jest.useFakeTimers();
  jest.resetModules();
  expect(await exercise(require('safe-sqlite'))).toEqual(expected);
  jest.useRealTimers();
});

test('left open', () => forget(library));
