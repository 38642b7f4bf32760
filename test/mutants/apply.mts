/** Makes a copy of the built project in which one mutant is compiled, and runs tests in it. */
import { spawnSync, type SpawnSyncOptions } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type * as TypeScript from 'typescript-5';
import { buildPrograms } from '../../scripts/programs.mjs';
import type { Mutant } from './mutant.mts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const require = createRequire(import.meta.url);

export interface Trial extends Disposable {
  /**
   * The first of the mutant's tests that fails; `null` when all pass: the mutant survives. Throws an
   * `UntriedError` when that test fails without the mutant too.
   */
  noticedBy(mutant: Mutant): string | null;
}

/** The tests fail without the mutant: they show nothing about it. */
export class UntriedError extends Error {}

/** The source of `mutant` with its change. Throws when its text does not occur exactly once. */
export function mutated({ id, file, find, replace }: Mutant): string {
  const source = readFileSync(join(root, 'src', file), 'utf8');
  const parts = source.split(find);
  if (parts.length !== 2) throw new Error(`${id}: its text occurs ${parts.length - 1} times in src/${file}`);
  return parts.join(replace);
}

export function createTrial(): Trial {
  const folder = mkdtempSync(join(tmpdir(), 'safe-sqlite-mutants-'));
  for (const name of ['dist', 'src', 'test', 'scripts', 'examples', 'docs', 'package.json', 'README.md']) {
    cpSync(join(root, name), join(folder, name), { recursive: true });
  }
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
  const unchanged = new Map<string, 'passes' | 'fails' | 'unended'>();
  return {
    noticedBy(mutant) {
      const built = join(folder, 'dist', mutant.file.replace(/\.ts$/, '.js'));
      const before = readFileSync(built);
      writeFileSync(built, compile(mutated(mutant)));
      // The programs of threads and processes contain a copy of the code.
      buildPrograms(join(folder, 'dist'));
      let noticed: { readonly test: string; readonly outcome: 'fails' | 'unended' } | undefined;
      try {
        for (const test of mutant.tests) {
          const outcome = outcomeOf(folder, test, mutant.only);
          if (outcome === 'passes') continue;
          noticed = { test, outcome };
          break;
        }
      } finally {
        writeFileSync(built, before);
        buildPrograms(join(folder, 'dist'));
      }
      if (noticed === undefined) return null;
      const { test, outcome } = noticed;
      const key = `${test} ${mutant.only ?? ''}`;
      if (!unchanged.has(key)) unchanged.set(key, outcomeOf(folder, test, mutant.only));
      if (unchanged.get(key) !== 'passes') throw new UntriedError(`${test} fails without the change too`);
      return outcome === 'fails' ? test : `${test} (did not end)`;
    },
    [Symbol.dispose]() {
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function compile(source: string): string {
  const typescript = require('typescript-5') as typeof TypeScript;
  const { outputText } = typescript.transpileModule(source, {
    compilerOptions: { target: typescript.ScriptTarget.ES2023, module: typescript.ModuleKind.CommonJS },
  });
  return outputText;
}

/** ms. A mutant may make a test wait for ever. */
const longestTestMs = 4 * 60_000;

function outcomeOf(folder: string, test: string, only: string | undefined): 'passes' | 'fails' | 'unended' {
  if (!existsSync(join(folder, test))) throw new Error(`There is no ${test}.`);
  const pattern = only === undefined ? [] : [`--test-name-pattern=${only}`];
  const run = spawnSync(process.execPath, ['scripts/test.mjs', ...pattern, test], {
    cwd: folder,
    stdio: 'ignore',
    timeout: longestTestMs,
    killSignal: 'SIGKILL',
    detached: true,
  } as SpawnSyncOptions);
  if (run.signal === null) return run.status === 0 ? 'passes' : 'fails';
  // The runner is gone; its test files are not.
  try {
    process.kill(-run.pid, 'SIGKILL');
  } catch {
    // They were.
  }
  return 'unended';
}
