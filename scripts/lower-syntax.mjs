// Lets Node 22 run the tests: its V8 has no `using`. esbuild lowers each TypeScript file of the project as it is loaded.
// scripts/test.mjs imports it there, also into the processes that tests start; the library itself is compiled for Node 22. Take
// the latest 22: under 22.15 such a hook makes some CommonJS modules load only in part, and the test of --permission fails.
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
