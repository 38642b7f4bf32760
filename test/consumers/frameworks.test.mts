// The application of apps/environment behind a route of a framework, built and served as for production.
import assert from 'node:assert/strict';
import { cpSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import {
  ask,
  bin,
  configure,
  copyApplication,
  frameworksSkip,
  record,
  versionOf,
  whole,
  type Facts,
} from './environment.mts';
import { npmInstall, programFolder } from './program.mts';

describe('frameworks', { skip: frameworksSkip }, () => {
  test('Next: Turbopack and webpack, standalone, away from the project', async t => {
    const folder = programFolder(t, 'next');
    copyApplication(folder, 'exercise.js', 'control.js');
    npmInstall(folder, 'next', 'react', 'react-dom');
    configure(folder, 'next.config.js');
    for (const [name, ...flags] of [['Turbopack'], ['webpack', '--webpack']] as const) {
      await t.test(name, async t => {
        rmSync(join(folder, '.next'), { recursive: true, force: true });
        await bin(folder, 'next/dist/bin/next', 'build', ...flags);
        const away = programFolder(t, 'environment');
        cpSync(join(folder, '.next/standalone'), join(away, 'next'), { recursive: true });
        const [facts, control] = await ask(t, join(away, 'next'), 'server.js', '/api/notes', '/api/control');
        assert.deepEqual([facts, control], [whole, { rows: 1 }]);
        record('Frameworks', `Next ${versionOf(folder, 'next')}, ${name}, standalone`, facts as Facts);
      });
    }
  });

  test('Nitro: as it comes, and with the package inside', async t => {
    const folder = programFolder(t, 'nitro');
    copyApplication(folder, 'exercise.js', 'control.js');
    npmInstall(folder, 'nitropack@2', 'h3@1');
    for (const name of ['outside', 'inside of the bundle']) {
      await t.test(name, async t => {
        if (name !== 'outside') configure(folder, 'nitro.config.js');
        await bin(folder, 'nitropack/dist/cli/index.mjs', 'build');
        const away = programFolder(t, 'environment');
        cpSync(join(folder, '.output'), join(away, 'output'), { recursive: true });
        const [facts, control] = await ask(t, join(away, 'output'), 'server/index.mjs', '/notes', '/control');
        assert.deepEqual([facts, control], [whole, { rows: 1 }]);
        record('Frameworks', `Nitro ${versionOf(folder, 'nitropack')}, ${name}`, facts as Facts);
      });
    }
  });

  for (const [name, title, packages, config, program] of [
    ['astro', 'Astro', ['astro', '@astrojs/node'], 'astro.config.mjs', 'dist/server/entry.mjs'],
    [
      'sveltekit',
      'SvelteKit',
      ['@sveltejs/kit', '@sveltejs/adapter-node', '@sveltejs/vite-plugin-svelte', 'svelte', 'vite'],
      'vite.config.mjs',
      'build/index.js',
    ],
  ] as const) {
    test(`${title}, served by Node`, async t => {
      const folder = programFolder(t, name);
      copyApplication(folder, 'exercise.js', 'control.js');
      npmInstall(folder, ...packages);
      configure(folder, config);
      await bin(folder, name === 'astro' ? 'astro/bin/astro.mjs' : 'vite/bin/vite.js', 'build');
      const [facts, control] = await ask(t, folder, program, '/notes', '/control');
      assert.deepEqual([facts, control], [whole, { rows: 1 }]);
      record('Frameworks', `${title} ${versionOf(folder, packages[0])}`, facts as Facts);
    });
  }
});
