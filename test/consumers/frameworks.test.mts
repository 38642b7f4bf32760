// The application of apps/environment behind a route of a framework, built and served as for production, by the configurations of
// docs/bundlers.md.
import assert from 'node:assert/strict';
import { cpSync, globSync, readFileSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, test } from 'node:test';
import Database from 'better-sqlite3';
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

/** Returns how many processes have loaded lib/shared.js of the application in `next`. */
function loadedIn(folder: string): number {
  const db = new Database(join(folder, 'shared.db'), { readonly: true });
  try {
    assert.equal(db.pragma('integrity_check', { simple: true }), 'ok');
    return db.prepare('SELECT count(*) FROM loaded').pluck().get() as number;
  } finally {
    db.close();
  }
}

describe('frameworks', { skip: frameworksSkip }, () => {
  test('Next: Turbopack and webpack, standalone and away from the project, and next start in it', async t => {
    const folder = programFolder(t, 'next');
    copyApplication(folder, 'exercise.js', 'control.js');
    npmInstall(folder, 'next', 'react', 'react-dom');
    const cases = [
      ['Turbopack, standalone', 'standalone'],
      ['webpack, standalone', 'standalone', '--webpack'],
      ['Turbopack, next start', 'in place'],
    ] as const;
    for (const [name, output, ...flags] of cases) {
      await t.test(name, async t => {
        // A build that kills its processes leaves the WAL, without whose database none would open.
        const left = ['.next', 'shared.db', 'shared.db-wal', 'shared.db-shm'];
        for (const name of left) rmSync(join(folder, name), { recursive: true, force: true });
        configure(folder, 'next.config.js');
        if (output === 'in place') rmSync(join(folder, 'next.config.js'));
        await bin(folder, 'next/dist/bin/next', 'build', ...flags);
        // The build loads the module that opens it.
        assert.ok(loadedIn(folder) > 0);
        const away = join(programFolder(t, 'environment'), 'next');
        if (output === 'standalone') cpSync(join(folder, '.next/standalone'), away, { recursive: true });
        const [home, ...args] =
          output === 'standalone' ? [away, 'server.js'] : [folder, 'node_modules/next/dist/bin/next', 'start'];
        const paths = ['/api/notes', '/api/control', '/api/one', '/api/two'];
        const [facts, control, one, two] = await ask(t, home, args, ...paths);
        assert.deepEqual([facts, control], [whole, { rows: 1 }]);
        assert.deepEqual([one, two], [{ changes: 1 }, { changes: 1 }]);
        record('Frameworks', `Next ${versionOf(folder, 'next')}, ${name}`, facts as Facts);
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
        const [facts, control] = await ask(t, join(away, 'output'), ['server/index.mjs'], '/notes', '/control');
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
      const built = globSync(join(folder, dirname(program), '**/*.{js,mjs}')).map(file => readFileSync(file, 'utf8'));
      assert.ok(
        built.some(text => /from ?["']safe-sqlite["']/.test(text)),
        'it is outside of the bundle',
      );
      const [facts, control] = await ask(t, folder, [program], '/notes', '/control');
      assert.deepEqual([facts, control], [whole, { rows: 1 }]);
      record('Frameworks', `${title} ${versionOf(folder, packages[0])}`, facts as Facts);
    });
  }
});
