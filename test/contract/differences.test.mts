/** Compares the headings of docs/differences.md with the differences that the drop-in suite asserts, both ways. */
import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

const root = join(import.meta.dirname, '../..');

test('docs/differences.md and the drop-in suite name the same differences', () => {
  const page = readFileSync(join(root, 'docs/differences.md'), 'utf8');
  const headings = [...page.matchAll(/^##+ (.+)$/gm)].map(([, heading = '']) => heading);
  const suites = globSync(join(root, 'test/drop-in/*.test.mts')).map(file => readFileSync(file, 'utf8'));
  // By a test of both sides, or by a table that a test compares with what it enumerates over both.
  const asserted = suites.flatMap(text => [
    ...[...text.matchAll(/difference\('([^']+)', bench/g)].map(([, name = '']) => name),
    ...[...text.matchAll(/tableBehind\(page, '## ([^']+)'\)/g)].map(([, name = '']) => name),
  ]);
  assert.deepEqual(headings.toSorted(), asserted.toSorted());
});
