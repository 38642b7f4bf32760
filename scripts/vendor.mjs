// Carries in dist/vendor/, with their licences, what a consumer must not have to install:
//
//   p-retry        it is ESM-only and Jest loads CommonJS, so a CommonJS copy of it is bundled
//   typed-emitter  only its type is used, and its package brings rxjs and tslib along
import { buildSync } from 'esbuild';
import { appendFileSync, copyFileSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { createRequire, findPackageJSON } from 'node:module';

const require = createRequire(import.meta.url);
const licences = 'LICENSES.txt';

/** Before the compiler, which reads the types of the bundled p-retry. */
export function bundleRetry(outDir) {
  buildSync({
    entryPoints: [require.resolve('p-retry')],
    bundle: true,
    platform: 'node',
    format: 'cjs',
    target: 'node22',
    outfile: join(outDir, 'p-retry.js'),
    logLevel: 'warning',
  });
  copyFileSync(join(packageFolder('p-retry'), 'index.d.ts'), join(outDir, 'p-retry.d.ts'));
  addLicences(outDir, 'p-retry', 'is-network-error');
}

/** After the compiler, whose declarations are led to the carried type. */
export function carryEmitterType(dist) {
  const outDir = join(dist, 'vendor');
  mkdirSync(outDir, { recursive: true });
  copyFileSync(join(packageFolder('typed-emitter'), 'index.d.ts'), join(outDir, 'typed-emitter.d.ts'));
  addLicences(outDir, 'typed-emitter');
  const declarations = join(dist, 'events/event-map.d.ts');
  const text = readFileSync(declarations, 'utf8');
  const carried = text.replace(`from 'typed-emitter'`, `from '../vendor/typed-emitter'`);
  if (carried === text) throw new Error(`${declarations} does not import the type of typed-emitter`);
  writeFileSync(declarations, carried);
}

function addLicences(outDir, ...names) {
  appendFileSync(join(outDir, licences), licencesOf(names));
}

/** The licences of packages, each under its name. */
export function licencesOf(names) {
  return names
    .map(name => {
      const folder = packageFolder(name);
      const file = readdirSync(folder).find(each => /^licen[cs]e/i.test(each));
      if (file === undefined) throw new Error(`${name} has no licence file`);
      return `${name}\n\n${readFileSync(join(folder, file), 'utf8').trim()}\n\n`;
    })
    .join('');
}

function packageFolder(name) {
  // findPackageJSON also finds one that the `exports` of the package hide.
  return dirname(findPackageJSON(name, import.meta.url));
}
