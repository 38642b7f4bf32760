/** Builds the preload shim with the machine's C compiler, once for each version of its sources. */
import { join } from 'node:path';
import { compileC, whyNoCompiler } from '../../support/compile-c.mts';

const here = (name: string): string => join(import.meta.dirname, name);

export type ShimBuild = { readonly library: string } | { readonly unavailable: string };

let built: ShimBuild | undefined;

/** The path of the shared library, or why this machine cannot have it. */
export function buildShim(): ShimBuild {
  return (built ??= build());
}

function build(): ShimBuild {
  const refusal = whyNot();
  if (refusal !== undefined) return { unavailable: refusal };
  const library = compileC({
    sources: ['hooks.c', 'control.c'].map(here),
    headers: [here('control.h')],
    flags: ['-shared', '-fPIC'],
    libraries: ['-ldl'],
  });
  return { library };
}

function whyNot(): string | undefined {
  const compiler = whyNoCompiler();
  if (compiler !== null) return `the fault shim ${compiler}`;
  const header = (process.report.getReport() as { header?: { glibcVersionRuntime?: string } }).header;
  if (header?.glibcVersionRuntime === undefined) return 'the fault shim needs glibc (musl has no *64 names to hook)';
  return undefined;
}
