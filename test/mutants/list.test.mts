// The short form of mutants.mts: every mutant of the list can still be applied. The long form: npm run proof:mutants.
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { mutated } from './apply.mts';
import { mutants } from './list.mts';

const root = fileURLToPath(new URL('../..', import.meta.url));

test('every mutant has a name of its own, a text that occurs once in its file, and tests that exist', () => {
  assert.equal(new Set(mutants.map(({ id }) => id)).size, mutants.length);
  const broken: string[] = [];
  for (const mutant of mutants) {
    try {
      mutated(mutant);
    } catch (error) {
      broken.push(String(error));
    }
    if (mutant.equivalent === undefined && mutant.tests.length === 0) broken.push(`${mutant.id}: no tests`);
    for (const path of mutant.tests) if (!existsSync(join(root, path))) broken.push(`${mutant.id}: no ${path}`);
  }
  assert.deepEqual(broken, []);
});
