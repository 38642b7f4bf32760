/** Identifies a file, for tests that talk to the registry themselves. */
import { statSync } from 'node:fs';
import { basename, dirname } from 'node:path';

export function identityOf(path: string): { dev: bigint; ino: bigint } {
  const { dev, ino } = statSync(path, { bigint: true });
  return { dev, ino };
}

export function placeOf(path: string): { directory: { dev: bigint; ino: bigint }; name: string } {
  return { directory: identityOf(dirname(path)), name: basename(path) };
}
