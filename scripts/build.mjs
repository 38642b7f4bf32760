// Builds dist/: the bundled p-retry, the CommonJS output of tsc, and the entry files around it.
import { rmSync } from 'node:fs';
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { writeEntries } from './entries.mjs';
import { bundleRetry } from './vendor.mjs';

process.chdir(fileURLToPath(new URL('..', import.meta.url)));
rmSync('dist', { recursive: true, force: true });
bundleRetry('dist/vendor');
execFileSync(process.execPath, ['node_modules/typescript/bin/tsc', '-p', 'tsconfig.json'], { stdio: 'inherit' });
writeEntries('dist');
