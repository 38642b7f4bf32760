import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runInNewContext } from 'node:vm';
import { asError, errorCode, errorMessage, errorName } from '../../dist/base/foreign-error.js';

// As in Jest: an error that is no `instanceof Error` here.
const foreign: unknown = runInNewContext(`Object.assign(new RangeError('far away'), { code: 'ENOENT' })`);

test('an error of another realm is read like one of this realm', () => {
  assert.ok(!(foreign instanceof Error));
  assert.equal(errorCode(foreign), 'ENOENT');
  assert.equal(errorMessage(foreign), 'far away');
  assert.equal(errorName(foreign), 'RangeError');
  assert.equal(asError(foreign), foreign);
});

for (const thrown of ['text', 1, null, undefined, {}, Object.create(null, { code: { value: 5 } }), () => 1]) {
  test(`what is no error has no code, and becomes one: ${typeof thrown}`, () => {
    assert.equal(errorCode(thrown), null);
    assert.equal(errorName(thrown), 'Error');
    assert.ok(asError(thrown) instanceof Error);
    assert.equal(typeof errorMessage(thrown), 'string');
  });
}
