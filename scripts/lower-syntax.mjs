// Lets Node 22 run the tests: its V8 has no `using`. esbuild lowers each TypeScript file of the project as it is loaded.
// scripts/test.mjs imports it there, also into the processes that tests start; the library itself is compiled for Node 22. Take
// the latest 22. Under 22.15 a hook that gives sources lets a CommonJS module require another one that a test imports as well
// before that is evaluated: tests fail that import several modules of dist/ beside the package (test/open/released and
// vacuum-into, and that of --permission). Bundled by esbuild first, without the hook, they pass there.
import { readFileSync } from 'node:fs';
import { createRequire, registerHooks } from 'node:module';
import { fileURLToPath } from 'node:url';

const require = createRequire(import.meta.url);

registerHooks({
  load(url, context, next) {
    if (!url.startsWith('file:') || !url.split('?')[0].endsWith('.mts')) return next(url, context);
    const path = fileURLToPath(url);
    // Loaded late: most programs that the tests start are JavaScript.
    const { transformSync } = require('esbuild');
    const { code } = transformSync(readFileSync(path, 'utf8'), {
      loader: 'ts',
      format: 'esm',
      target: 'node22',
      sourcefile: path,
      sourcemap: 'inline',
    });
    return { format: 'module', source: code, shortCircuit: true };
  },
});
