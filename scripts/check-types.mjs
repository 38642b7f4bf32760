// Type-checks the tests, and the public types as consumers compile them: with both compilers that are in use, under
// nodenext, and under old node resolution, which TypeScript 7 no longer has.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

process.chdir(fileURLToPath(new URL('..', import.meta.url)));
const checks = [
  ['typescript', 'test/tsconfig.json'],
  ['typescript', 'test/types/tsconfig.nodenext.json'],
  ['typescript-5', 'test/types/tsconfig.nodenext.json'],
  ['typescript-5', 'test/types/tsconfig.node10.json'],
];
for (const [compiler, project] of checks) {
  const run = spawnSync(process.execPath, [`node_modules/${compiler}/bin/tsc`, '-p', project], { stdio: 'inherit' });
  console.log(`${run.status === 0 ? 'ok  ' : 'FAIL'} ${project} with ${compiler}`);
  if (run.status !== 0) process.exitCode = 1;
}
