const assert = require('node:assert/strict');
const library = require('safe-sqlite');
const { exercise, expected, forget } = require('./cases');

it('with real timers', async () => {
  assert.deepEqual(await exercise(library), expected);
}).timeout(60000);

it('left open', () => forget(library));
