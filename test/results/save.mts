/** Keeps the numbers of long runs beside the tests: each saved run is added, so that a long run may be made in slices. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus, release } from 'node:os';
import { join } from 'node:path';

export type ResultName =
  'power-cuts' | 'write-boundaries' | 'kills' | 'container-kills' | 'soak' | 'ordinary-life' | 'checked-commits';

/** Adds a run to the results; delete the file to begin anew. */
export function saveResult(name: ResultName, run: object): void {
  const path = join(import.meta.dirname, `${name}.json`);
  const before = existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as { runs: object[] }).runs : [];
  const where = {
    date: new Date().toISOString().slice(0, 10),
    kernel: release(),
    processors: cpus().length,
    node: process.version,
  };
  writeFileSync(path, `${JSON.stringify({ runs: [...before, { ...where, ...run }] }, null, 2)}\n`);
}
