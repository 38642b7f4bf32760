import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, posix } from 'node:path';
import { test } from 'node:test';
import { root } from '../../scripts/pack.mjs';
import { pages, prose, readPage } from './page.mts';

/** As GitHub makes them: https://github.com/Flet/github-slugger */
function anchorsOf(page: string): Set<string> {
  const anchors = new Set<string>();
  for (const [, heading = ''] of prose(readPage(page)).matchAll(/^#+ (.+)$/gm)) {
    const text = heading.replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1').toLowerCase();
    const base = text.replaceAll(/[^\p{L}\p{N}\s_-]/gu, '').replaceAll(' ', '-');
    let slug = base;
    for (let times = 1; anchors.has(slug); times += 1) slug = `${base}-${times}`;
    anchors.add(slug);
  }
  return anchors;
}

/** The targets of the links of a page that lead to a place of this project. */
function localLinks(page: string): string[] {
  const text = prose(readPage(page)).replaceAll(/`[^`\n]*`/g, '');
  const targets = [...text.matchAll(/\]\(([^)\s]+)\)/g)].map(([, target = '']) => target);
  return targets.filter(target => !/^[a-z]+:/.test(target));
}

for (const page of pages) {
  test(`the links of ${page} lead somewhere`, () => {
    for (const target of localLinks(page)) {
      const [path = '', anchor] = target.split('#');
      const place = path === '' ? page : posix.normalize(posix.join(dirname(page), decodeURI(path)));
      assert.ok(existsSync(join(root, place)), `${target}: there is no ${place}`);
      if (anchor === undefined) continue;
      assert.ok(place.endsWith('.md'), `${target}: only a page has anchors`);
      assert.ok(anchorsOf(place).has(anchor), `${target}: ${place} has no such heading`);
    }
  });
}

test('what the package has links only to what it has, and to its tests, which are in the repository', () => {
  const { files } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { files: readonly string[] };
  const packed = [...files, 'README.md', 'LICENSE', 'package.json'];
  const isPacked = (path: string): boolean => packed.some(each => path === each || path.startsWith(`${each}/`));
  for (const page of pages.filter(isPacked)) {
    for (const target of localLinks(page)) {
      const path = posix.normalize(posix.join(dirname(page), decodeURI(target.split('#')[0] ?? '')));
      assert.ok(
        target.startsWith('#') || isPacked(path) || path.startsWith('test/'),
        `${page}: ${target} is not in the package`,
      );
    }
  }
});

test('every page of docs/ is reached from its index', () => {
  const linked = new Set(localLinks('docs/README.md').map(target => posix.join('docs', target.split('#')[0] ?? '')));
  const others = pages.filter(page => page.startsWith('docs/') && page !== 'docs/README.md');
  const missing = others.filter(page => !page.startsWith('docs/decisions/') && !linked.has(page));
  assert.deepEqual(missing, []);
});
