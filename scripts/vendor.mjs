// p-retry is ESM-only and Jest loads CommonJS, so one CommonJS copy of it is carried in dist/, with its licences.
import { buildSync } from 'esbuild';
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);

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
  const licences = ['p-retry', 'is-network-error'].map(
    name => `${name}\n\n${readFileSync(join(packageFolder(name), 'license'), 'utf8')}`,
  );
  writeFileSync(join(outDir, 'LICENSES.txt'), licences.join('\n'));
}

function packageFolder(name) {
  return dirname(require.resolve(name));
}
