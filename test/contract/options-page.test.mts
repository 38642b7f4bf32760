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

/** The defaults that the table of one section states. */
function stated(section: string): Map<string, string> {
  const text = page.split(/^## /m).find(part => part.startsWith(`${section}\n`)) ?? '';
  const rows = [...text.matchAll(/^\| `(\w+)` +\| `?([^|`]+?)`? +\|/gm)];
  return new Map(rows.map(([, name = '', value = '']) => [name, value]));
}

test('docs/options.md has the defaults of the code', () => {
  for (const service of ['checkpoint', 'sentinel', 'writes', 'readers'] as const) {
    for (const [name, value] of Object.entries(defaults[service])) {
      assert.equal(stated(service).get(name), String(value), `${service}.${name}`);
    }
  }
  assert.equal(stated('backup').get('intervalMs'), String(defaults.backup.intervalMs));
  const { newest, daily, weekly } = defaults.backup.keep;
  assert.equal(stated('backup').get('keep'), `{ newest: ${newest}, daily: ${daily}, weekly: ${weekly} }`);
  assert.match(page, new RegExp(`Default \`${defaults.timeout}\``));
});
