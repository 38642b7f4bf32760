// The pure parts of steering a copy.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { allowedPages, pagesFrom } from '../../dist/maintenance/copy-rate.js';

test('a rate allows what the time so far has room for, plus one nap', () => {
  assert.equal(allowedPages(null, 5, 0), Number.MAX_SAFE_INTEGER);
  assert.equal(allowedPages(1000, 0, 0), 10);
  assert.equal(allowedPages(1000, 10, 0), 0);
  assert.equal(allowedPages(1000, 100, 1000), 910);
});

test('the answer of a listener is read as better-sqlite3 reads it', () => {
  assert.equal(pagesFrom(undefined, 100), 100);
  assert.equal(pagesFrom(7.6, 100), 8);
  assert.equal(pagesFrom(-1, 100), 0);
  assert.equal(pagesFrom(Infinity, 100), 0x7fffffff);
  for (const wrong of [Number.NaN, '7', null]) {
    assert.throws(() => pagesFrom(wrong, 100), { message: /number or undefined/ });
  }
});
