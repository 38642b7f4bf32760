/** Builds the preload shim with the machine's C compiler, once for each version of its sources. */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const sources = ['hooks.c', 'control.c'];
const headers = ['control.h'];
const folder = import.meta.dirname;
// -Werror: the shim is small and ours, so a warning is a mistake.
const flags = ['-shared', '-fPIC', '-O2', '-std=gnu11', '-Wall', '-Wextra', '-Werror'];

export type ShimBuild = { readonly library: string } | { readonly unavailable: string };

let built: ShimBuild | undefined;

/** The path of the shared library, or why this machine cannot have it. */
export function buildShim(): ShimBuild {
  return (built ??= build());
}

function build(): ShimBuild {
  const refusal = whyNot();
  if (refusal !== undefined) return { unavailable: refusal };
  const digest = createHash('sha256').update(flags.join(' '));
  for (const name of [...sources, ...headers]) digest.update(readFileSync(join(folder, name)));
  const cache = join(tmpdir(), `safe-sqlite-faultshim-${process.getuid?.() ?? 0}`);
  const library = join(cache, `${digest.digest('hex').slice(0, 16)}.so`);
  if (existsSync(library)) return { library };
  mkdirSync(cache, { recursive: true, mode: 0o700 });
  // Test files run in several processes at once: each builds under its own name, the rename settles it.
  const fresh = join(cache, `${process.pid}.so`);
  const inputs = sources.map(name => join(folder, name));
  const compiled = spawnSync('cc', [...flags, '-o', fresh, ...inputs, '-ldl'], { encoding: 'utf8' });
  if (compiled.status !== 0) throw new Error(`cc could not build the fault shim:\n${compiled.stderr}`);
  renameSync(fresh, library);
  return { library };
}

function whyNot(): string | undefined {
  if (process.platform !== 'linux') return `the fault shim needs Linux, this is ${process.platform}`;
  const header = (process.report.getReport() as { header?: { glibcVersionRuntime?: string } }).header;
  if (header?.glibcVersionRuntime === undefined) return 'the fault shim needs glibc (musl has no *64 names to hook)';
  const compiler = spawnSync('cc', ['--version'], { encoding: 'utf8' });
  if (compiler.status !== 0) return 'the fault shim needs a C compiler called cc (Debian: gcc libc6-dev)';
  return undefined;
}
