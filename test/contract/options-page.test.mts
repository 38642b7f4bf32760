import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { defaults } from '../../dist/options/defaults.js';
import { resolveOptions } from '../../dist/options/resolve.js';

const page = readFileSync(join(import.meta.dirname, '../../docs/options.md'), 'utf8');

test('docs/options.md has one heading for each option', () => {
  const headings = [...page.matchAll(/^## (.+)$/gm)].map(([, heading]) => heading ?? '');
  const { source: _, ...options } = resolveOptions('a.db', {});
  assert.deepEqual(headings.toSorted(), Object.keys(options).toSorted());
});

test('docs/options.md has the defaults of the code', () => {
  const stated = new Map(
    [...page.matchAll(/^\| `(\w+)` +\| `?([^|`]+?)`? +\|/gm)].map(([, name, value]) => [name, value]),
  );
  const services = [defaults.checkpoint, defaults.sentinel, defaults.writes];
  for (const [name, value] of services.flatMap(service => Object.entries(service))) {
    assert.equal(stated.get(name), String(value), name);
  }
  assert.equal(stated.get('keep'), '{ newest: 24, daily: 7, weekly: 4 }');
  assert.match(page, new RegExp(`Default \`${defaults.timeout}\``));
});
