/** Makes a copy of the built project in which one mutant is compiled, and runs tests in it. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  cpSync,
  existsSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type * as TypeScript from 'typescript-5';
import { buildPrograms } from '../../scripts/programs.mjs';
import type { Mutant } from './mutant.mts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const require = createRequire(import.meta.url);

export interface Trial extends Disposable {
  /**
   * The first test file that fails with the mutant; `null` when all pass: the mutant survives. Begins with
   * `likeliest`, where they belong to the mutant's tests. Throws an `UntriedError` when that file fails without
   * the mutant too.
   */
  noticedBy(mutant: Mutant, likeliest: readonly string[]): Promise<string | null>;
}

/** Behind the name of a test file that does not end with the mutant. */
export const didNotEnd = ' (did not end)';

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
  // What a test leaves behind that a mutant stops goes with the trial.
  mkdirSync(join(folder, 'tmp'));
  // As /tmp: tests act as other users in it.
  chmodSync(folder, 0o755);
  chmodSync(join(folder, 'tmp'), 0o1777);
  const unchanged = new Map<string, Run>();
  async function runUnchanged(test: string, only: string | undefined): Promise<Run> {
    const key = `${test} ${only ?? ''}`;
    const known = unchanged.get(key) ?? (await run(folder, test, only, longestUnchangedMs));
    unchanged.set(key, known);
    return known;
  }
  return {
    async noticedBy(mutant, likeliest) {
      const files = testFiles(mutant.tests, likeliest);
      for (let limitMs = shortestLimitMs; ;) {
        const noticed = await firstToNotice(folder, mutant, files, limitMs);
        if (noticed === null) return null;
        const { test, outcome } = noticed;
        const without = await runUnchanged(test, mutant.only);
        if (without.outcome !== 'passes') throw new UntriedError(`${test} fails without the change too`);
        if (outcome === 'fails') return test;
        if (without.ms * 3 <= limitMs) return `${test}${didNotEnd}`;
        limitMs = without.ms * 3;
      }
    },
    [Symbol.dispose]() {
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function firstToNotice(
  folder: string,
  mutant: Mutant,
  files: readonly string[],
  limitMs: number,
): Promise<{ readonly test: string; readonly outcome: 'fails' | 'unended' } | null> {
  const dist = join(folder, 'dist');
  const built = join(dist, mutant.file.replace(/\.ts$/, '.js'));
  const before = readFileSync(built);
  writeFileSync(built, compile(mutated(mutant)));
  try {
    // The programs of threads and processes contain a copy of the code.
    buildPrograms(dist);
    for (const test of files) {
      const { outcome } = await run(folder, test, mutant.only, limitMs);
      if (outcome !== 'passes') return { test, outcome };
    }
    return null;
  } finally {
    writeFileSync(built, before);
    buildPrograms(dist);
  }
}

function compile(source: string): string {
  const typescript = require('typescript-5') as typeof TypeScript;
  const { outputText } = typescript.transpileModule(source, {
    compilerOptions: { target: typescript.ScriptTarget.ES2023, module: typescript.ModuleKind.CommonJS },
  });
  return outputText;
}

/** The files of `tests`, folders unfolded: the likeliest first, otherwise in the order of `tests`. */
function testFiles(tests: readonly string[], likeliest: readonly string[]): readonly string[] {
  const files = new Set(tests.flatMap(filesOf));
  return [...new Set([...likeliest.filter(file => files.has(file)), ...files])];
}

function filesOf(test: string): readonly string[] {
  if (!existsSync(join(root, test))) throw new Error(`There is no ${test}.`);
  if (!statSync(join(root, test)).isDirectory()) return [test];
  return globSync(`${test}/**/*.test.mts`, { cwd: root }).toSorted();
}

/** ms, for one file: a mutant may make a test wait for ever. Grows for a file that takes long without a mutant. */
const shortestLimitMs = 60_000;
const longestUnchangedMs = 4 * 60_000;

interface Run {
  readonly outcome: 'passes' | 'fails' | 'unended';
  readonly ms: number;
}

/** Ends at the first test that fails. */
async function run(folder: string, test: string, only: string | undefined, limitMs: number): Promise<Run> {
  const began = performance.now();
  const flags = ['--test-reporter=tap', ...(only === undefined ? [] : [`--test-name-pattern=${only}`])];
  const runner = spawn(process.execPath, ['scripts/test.mjs', ...flags, test], {
    cwd: folder,
    env: { ...process.env, TMPDIR: join(folder, 'tmp'), TEST_CACHE: process.env['TEST_CACHE'] ?? tmpdir() },
    stdio: ['ignore', 'pipe', 'ignore'],
    // A group of its own, which ends as a whole.
    detached: true,
  });
  const exited = once(runner, 'exit') as Promise<[number | null]>;
  let outcome: Run['outcome'] | undefined;
  const stop = (why: Run['outcome']): void => {
    outcome ??= why;
    endGroup(runner.pid);
  };
  const limit = setTimeout(stop, limitMs, 'unended');
  createInterface(runner.stdout).on('line', line => {
    if (/^\s*not ok /.test(line) && !/# (?:todo|skip)/i.test(line)) stop('fails');
  });
  const [status] = await exited;
  clearTimeout(limit);
  // A process that a test has left.
  endGroup(runner.pid);
  return { outcome: outcome ?? (status === 0 ? 'passes' : 'fails'), ms: performance.now() - began };
}

function endGroup(pid: number | undefined): void {
  try {
    if (pid !== undefined) process.kill(-pid, 'SIGKILL');
  } catch {
    // It has ended.
  }
}
