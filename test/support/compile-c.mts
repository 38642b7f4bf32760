/** Compiles a small C program or library of the tests with the machine's compiler, once for each version of its sources. */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';

// -Werror: these sources are small and ours, so a warning is a mistake.
const warnings = ['-O2', '-std=gnu11', '-Wall', '-Wextra', '-Werror'];

export interface CSources {
  /** Absolute paths; the first one names the result. */
  readonly sources: readonly string[];
  /** What they include, so that a change of it compiles them again. */
  readonly headers?: readonly string[];
  /** Flags before the sources. */
  readonly flags?: readonly string[];
  /** Libraries after the sources. */
  readonly libraries?: readonly string[];
}

/** Why this machine cannot compile, or `null`. */
export function whyNoCompiler(): string | null {
  if (process.platform !== 'linux') return `needs Linux, this is ${process.platform}`;
  const compiler = spawnSync('cc', ['--version'], { encoding: 'utf8' });
  return compiler.status === 0 ? null : 'needs a C compiler called cc (Debian: gcc libc6-dev)';
}

/** The path of the result; throws what the compiler says. */
export function compileC({ sources, headers = [], flags = [], libraries = [] }: CSources): string {
  const allFlags = [...warnings, ...flags];
  const digest = createHash('sha256').update([...allFlags, ...libraries].join(' '));
  for (const path of [...sources, ...headers]) digest.update(readFileSync(path));
  // Programs last from one run to the next, unlike the folder of a run (scripts/test.mjs).
  const cache = join(process.env['TEST_CACHE'] ?? tmpdir(), `safe-sqlite-test-programs-${process.getuid?.() ?? 0}`);
  const result = join(cache, `${basename(sources[0] ?? '', '.c')}-${digest.digest('hex').slice(0, 16)}`);
  if (existsSync(result)) return result;
  mkdirSync(cache, { recursive: true, mode: 0o700 });
  // Test files run in several processes at once: each builds under its own name, the rename settles it.
  const fresh = `${result}.${process.pid}`;
  const compiled = spawnSync('cc', [...allFlags, '-o', fresh, ...sources, ...libraries], { encoding: 'utf8' });
  if (compiled.status !== 0) throw new Error(`cc could not build ${sources.join(' ')}:\n${compiled.stderr}`);
  renameSync(fresh, result);
  return result;
}
