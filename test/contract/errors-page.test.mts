import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { refusalCodes } from '../../dist/errors/refusal-codes.js';
import { refusalClasses } from '../../dist/errors/refusals.js';
import { resultCodes } from '../../dist/errors/result-codes.js';
import { errorsPage } from '../../scripts/errors-page.mjs';

const page = readFileSync(new URL('../../docs/errors.md', import.meta.url), 'utf8');

test('docs/errors.md is what scripts/errors-page.mjs writes from the tables', async () => {
  assert.equal(page, await errorsPage(), 'run: node scripts/errors-page.mjs');
});

test('it has one heading for each code, and no heading for anything else', () => {
  const headings = [...page.matchAll(/^### (.+)$/gm)].map(([, heading]) => heading ?? '');
  const codes = [...Object.values(refusalCodes).map(row => row.code), ...resultCodes.keys()];
  assert.deepEqual(headings.toSorted(), codes.toSorted());
});

test('every refusal has the code, the labels and the hint of its row', () => {
  for (const [name, row] of Object.entries(refusalCodes)) {
    const error = new refusalClasses[name as keyof typeof refusalClasses]('x');
    assert.equal(error.name, name);
    assert.deepEqual(
      [error.code, error.retryable, error.fatal, error.hint],
      [row.code, row.retryable, row.fatal, row.hint],
    );
  }
});
