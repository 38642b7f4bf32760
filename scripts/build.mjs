// Builds dist/: what is carried of others, the CommonJS output of tsc, the programs, and the entry files around it.
import { existsSync, rmSync } from 'node:fs';
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { writeEntries } from './entries.mjs';
import { buildModule } from './module.mjs';
import { buildNest } from './nest.mjs';
import { buildPrograms } from './programs.mjs';
import { bundleRetry, carryEmitterType } from './vendor.mjs';

process.chdir(fileURLToPath(new URL('..', import.meta.url)));
// `.ci/run` builds once for all its commands.
if (process.env['SAFE_SQLITE_BUILT'] === '1' && existsSync('dist/module')) process.exit(0);
rmSync('dist', { recursive: true, force: true });
bundleRetry('dist/vendor');
compile('tsconfig.json');
carryEmitterType('dist');
buildPrograms('dist');
writeEntries('dist');
await buildModule('dist');
// After the entries, because it imports this package by its name.
buildNest('dist', compile);

function compile(project, ...flags) {
  const tsc = ['node_modules/typescript/bin/tsc', '-p', project, ...flags];
  execFileSync(process.execPath, tsc, { stdio: 'inherit' });
}
