/** A second installed copy of better-sqlite3: real files of their own, so that the loader maps a second SQLite. */
import { cpSync, mkdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

/** Installs the copy below `folder` and gives the path to require it by. */
export function installSecondCopy(folder: string): string {
  const root = dirname(createRequire(import.meta.url).resolve('better-sqlite3/package.json'));
  const target = join(folder, 'second', 'better-sqlite3');
  mkdirSync(target, { recursive: true });
  for (const part of ['package.json', 'lib', 'prebuilds'])
    cpSync(join(root, part), join(target, part), { recursive: true });
  return target;
}
