import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { test } from 'node:test';
import { catalogue } from '../../dist/filesystem/catalogue/catalogue.js';
import { filesystemsPage } from '../../scripts/filesystems-page.mjs';

const page = readFileSync(new URL('../../docs/filesystems.md', import.meta.url), 'utf8');

test('docs/filesystems.md is what scripts/filesystems-page.mjs writes from the tables', async () => {
  assert.equal(page, await filesystemsPage(), 'run: node scripts/filesystems-page.mjs');
});

test('it names every type of the catalogue', () => {
  for (const type of catalogue.flatMap(row => row.types)) assert.ok(page.includes(`\`${type}\``), type);
});

test('it names every warning about a filesystem', () => {
  for (const folder of ['filesystem', 'policy']) {
    const sources = new URL(`../../src/${folder}/`, import.meta.url);
    for (const name of readdirSync(sources, { recursive: true, encoding: 'utf8' }).filter(file =>
      file.endsWith('.ts'),
    )) {
      const codes = [...readFileSync(new URL(name, sources), 'utf8').matchAll(/\bcode: '([a-z]+(?:-[a-z]+)+)'/g)];
      for (const [, code] of codes) {
        if (code?.endsWith('-allowed') === true) continue;
        assert.ok(page.includes(`\`${code}\``), `${code} of ${folder}/${name}`);
      }
    }
  }
});
