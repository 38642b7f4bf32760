// Writes dist/programs/: the programs that run in a thread or process of their own, each as one text (see
// src/native/programs.ts and docs/decisions/0008).
import { buildSync } from 'esbuild';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** The compiled files that the programs begin with. */
const programs = {
  worker: 'maintenance/safe-sqlite-worker.js',
  reader: 'readers/safe-sqlite-reader.js',
  doctor: 'doctor/safe-sqlite-doctor.js',
};

export function buildPrograms(dist) {
  mkdirSync(join(dist, 'programs'), { recursive: true });
  for (const [name, entry] of Object.entries(programs)) {
    const { outputFiles } = buildSync({
      entryPoints: [join(dist, entry)],
      bundle: true,
      platform: 'node',
      format: 'cjs',
      target: 'node22',
      // A program starts no other program.
      external: ['better-sqlite3', '#programs/*'],
      minify: true,
      // Errors and warnings are known by the names of their classes.
      keepNames: true,
      charset: 'ascii',
      write: false,
      logLevel: 'warning',
    });
    const [{ text }] = outputFiles;
    writeFileSync(join(dist, 'programs', `${name}.js`), `exports.text = ${JSON.stringify(text.trim())};\n`);
  }
}
