// Writes dist/module/: the main entry and safe-sqlite/express as ES modules, for bundlers alone. They find it by the
// condition "module" of package.json, which Node does not know: there `import` and `require()` give the same objects
// (docs/decisions/0002 and 0008).
//
// A bundle of ES modules has no require(), no __dirname and no __filename, and not every bundler puts something in their
// place. So nothing here asks for them: better-sqlite3 is imported, and packages that are CommonJS are part of it, with
// Node's modules from process.getBuiltinModule.
import { build } from 'esbuild';
import { readFileSync, writeFileSync } from 'node:fs';
import { builtinModules } from 'node:module';
import { join } from 'node:path';
import { licencesOf } from './vendor.mjs';

const builtins = new RegExp(`^(?:node:.*|${builtinModules.join('|')})$`);

/** `require('fs')` in a CommonJS package, without require(). */
const requiredBuiltins = {
  name: 'required builtins',
  setup(context) {
    context.onResolve({ filter: builtins }, ({ kind, path }) =>
      kind === 'require-call' ? { path, namespace: 'required-builtin' } : undefined,
    );
    context.onLoad({ filter: /.*/, namespace: 'required-builtin' }, ({ path }) => ({
      contents: `module.exports = process.getBuiltinModule(${JSON.stringify(path)});`,
    }));
  },
};

/**
 * Nitro asks for "module" as a bundler does, leaves the package outside, and has @vercel/nft find the files that it needs;
 * Node then asks for the others. nft finds them through the function; it is never called, and bundlers drop it.
 */
function entry(forNode, exports, withDefault) {
  const from = `'./${exports}.mjs'`;
  return [
    `import { createRequire } from 'node:module';`,
    `export * from ${from};`,
    ...(withDefault === undefined ? [] : [`${withDefault} ${from};`]),
    `function traced() {`,
    `  const require = createRequire(import.meta.url);`,
    `  return require('${forNode}');`,
    `}`,
    ``,
  ].join('\n');
}

export async function buildModule(dist) {
  const { metafile } = await build({
    entryPoints: { exports: 'src/exports.ts', 'express-exports': 'src/express/exports.ts' },
    outdir: join(dist, 'module'),
    outExtension: { '.js': '.mjs' },
    bundle: true,
    splitting: true,
    chunkNames: 'shared',
    platform: 'node',
    format: 'esm',
    target: 'node22',
    external: ['better-sqlite3'],
    plugins: [requiredBuiltins],
    metafile: true,
    logLevel: 'warning',
  });
  for (const file of Object.keys(metafile.outputs)) refuseRequire(file);
  const packages = Object.keys(metafile.inputs).flatMap(
    input => /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(input)?.[1] ?? [],
  );
  writeFileSync(join(dist, 'module/LICENSES.txt'), licencesOf([...new Set(packages)].toSorted()));
  writeFileSync(
    join(dist, 'module/index.mjs'),
    entry('../index.mjs', 'exports', 'export { Database as default } from'),
  );
  writeFileSync(join(dist, 'module/express.mjs'), entry('../express/index.mjs', 'express-exports'));
}

/** What esbuild could not turn into an import fails only when it runs. */
function refuseRequire(file) {
  const [found] = /__require\d*\([^)]+\)/.exec(readFileSync(file, 'utf8')) ?? [];
  if (found !== undefined) throw new Error(`${file} uses ${found}, which a bundle of ES modules does not have`);
}
