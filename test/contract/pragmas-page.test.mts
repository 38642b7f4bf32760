import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { pragmaRules } from '../../dist/sql/pragma-rules.js';
import { pragmasPage } from '../../scripts/pragmas-page.mjs';

const page = readFileSync(new URL('../../docs/pragmas.md', import.meta.url), 'utf8');

test('docs/pragmas.md is what scripts/pragmas-page.mjs writes from the table', async () => {
  assert.equal(page, await pragmasPage(), 'run: node scripts/pragmas-page.mjs');
});

test('it has one row for each pragma', () => {
  const rows = [...page.matchAll(/^\| \[`(\w+)`\]/gm)].map(([, name = '']) => name);
  assert.deepEqual(rows.toSorted(), [...pragmaRules.keys()].toSorted());
});
