/** Keeps the numbers of a long run beside the tests. */
import { writeFileSync } from 'node:fs';
import { cpus, release } from 'node:os';
import { join } from 'node:path';

export function resultPath(name: string): string {
  return join(import.meta.dirname, `${name}.json`);
}

export function saveResult(name: string, result: object): void {
  const machine = {
    date: new Date().toISOString().slice(0, 10),
    kernel: release(),
    processors: cpus().length,
    node: process.version,
  };
  writeFileSync(resultPath(name), `${JSON.stringify({ machine, ...result }, null, 2)}\n`);
}
