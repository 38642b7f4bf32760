// Builds dist/nest for both module systems: x.js and x.d.ts for CommonJS, x.mjs and x.d.mts for ESM.
//
// Twice, because Nest 12 is ESM: Jest's ESM mode cannot load CommonJS that requires ESM again. The ESM files end in .mjs
// and lie beside the others, because a folder with a package.json of its own could not import this package by its name.
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** `compile(project, ...flags)` runs tsc. */
export function buildNest(dist, compile) {
  compile('src/nest/tsconfig.json');
  const esm = mkdtempSync(join(dist, 'nest-esm-'));
  compile('src/nest/tsconfig.esm.json', '--outDir', esm);
  for (const file of readdirSync(esm)) {
    // The sources name their neighbours './x.js', as both module systems ask for.
    const text = readFileSync(join(esm, file), 'utf8').replaceAll(
      /(\bfrom |\bimport\()(["'])(\.\/[^"']+)\.js\2/g,
      '$1$2$3.mjs$2',
    );
    writeFileSync(join(dist, 'nest', file.replace(/\.(d\.)?([jt])s$/, '.$1m$2s')), text);
  }
  rmSync(esm, { recursive: true });
}
