import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { catalogue } from '../../dist/filesystem/catalogue/catalogue.js';
import { root } from '../../scripts/pack.mjs';
import { interfacesOf } from './interfaces.mts';
import { names, readPage, tableBehind } from './page.mts';

const page = readPage('docs/alerts.md');
// The doctor's findings are no warnings of an open database; docs/doctor.md has them.
const sources = globSync('src/**/*.ts', { cwd: root, exclude: ['src/doctor/**'] }).map(path =>
  readFileSync(join(root, path), 'utf8'),
);

test('every reason of db.health() is on docs/alerts.md', () => {
  const health = readFileSync(join(root, 'src/health/health.ts'), 'utf8');
  const reasons = [...health.matchAll(/yield `([^`]*)`/g)].map(([, text = '']) => text);
  assert.ok(reasons.length >= 5);
  const documented = names(page);
  for (const reason of reasons) {
    const told = reason.replaceAll(/\$\{[^}]*\}/g, '…');
    assert.ok(
      documented.some(beginning => beginning.length > 15 && told.startsWith(beginning)),
      told,
    );
  }
});

test('every event that is logged as a warning or worse is on it', () => {
  const alarming = tableBehind(readPage('docs/metrics.md'), '## Events')
    .filter(([, , , level = '']) => ['warn', 'error', 'fatal'].includes(level))
    .map(([event = '']) => event);
  assert.ok(
    alarming.length >= 6 &&
      alarming.length <= interfacesOf('src/events/event-map.ts').membersOf('DatabaseEvents').length,
  );
  for (const event of alarming) assert.ok(page.includes(event), event);
});

test('every warning is on it, and no other', () => {
  // Literals, the table of the sentinel, and the rows of the catalogue of filesystems.
  const literal = /\b(?:code|hardLinked|foreignDescriptor|cannotLook): '([a-z]+(?:-[a-z]+)+)'/g;
  const codes = new Set(sources.flatMap(text => [...text.matchAll(literal)].map(([, code = '']) => code)));
  // What a schedule says once.
  for (const text of sources) {
    for (const [, code = ''] of text.matchAll(/#tell\(\s*'([a-z]+(?:-[a-z]+)+)'/g)) codes.add(code);
  }
  // One of two, as the warnings about weaker pragmas.
  for (const text of sources) {
    for (const [, one = '', other = ''] of text.matchAll(
      /\bcode = [^;]*\? '([a-z]+(?:-[a-z]+)+)' : '([a-z]+(?:-[a-z]+)+)';/g,
    )) {
      codes.add(one).add(other);
    }
  }
  for (const { warning } of catalogue) if (warning !== null) codes.add(warning.code);
  const documented = tableBehind(page, '## Warnings').flatMap(([cell = '']) => names(cell));
  assert.deepEqual(documented.toSorted(), [...codes].toSorted());
});
