import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join, posix } from 'node:path';
import { test } from 'node:test';
import { versionBugs } from '../../dist/policy/sqlite-versions.js';
import { root } from '../../scripts/pack.mjs';
import { names, readPage, tableBehind } from './page.mts';

const page = readPage('docs/protections.md');
const rows = tableBehind(page, '## The register');
/** The number of hazards in the register. */
const hazards = 28;

test('docs/protections.md has every hazard once, with what is done and at least one test', () => {
  const expected = Array.from({ length: hazards }, (_, index) => `H${String(index + 1).padStart(2, '0')}`);
  assert.deepEqual(
    rows.map(([id]) => id),
    expected,
  );
  for (const [id, hazard = '', done = '', tests = ''] of rows) {
    assert.ok(hazard.length > 15 && done.length > 15, id);
    assert.match(tests, /\]\(\.\.\/test\//, id);
  }
});

test('every test that it names is there, by this name', () => {
  const links = [...page.matchAll(/\[([^\]]+)\]\((\.\.\/test\/[^)]+)\)/g)];
  assert.ok(links.length > hazards);
  for (const [, name = '', target = ''] of links) {
    const path = posix.join('docs', target);
    assert.ok(existsSync(join(root, path)), path);
    const text = readFileSync(join(root, path), 'utf8');
    const declared = [...text.matchAll(/\b(?:test|describe)\(\s*(['`"])(.*?)(?<!\\)\1/gs)].map(
      ([, , title = '']) => title,
    );
    assert.ok(
      declared.some(title => title === name || title.startsWith(`${name} `)),
      `${path} has no test called "${name}"`,
    );
  }
});

test('it has every released bug that the versions are checked for', () => {
  assert.deepEqual(
    tableBehind(page, '## Released bugs of SQLite').map(([name = '', what]) => [names(name)[0], what]),
    versionBugs.map(({ name, what }) => [name, what]),
  );
});
