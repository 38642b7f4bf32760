/** Small programs that use the package as npm would publish it: a packed tarball, in a folder of their own. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, type TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { pack, root } from '../../scripts/pack.mjs';

const packed = mkdtempSync(join(tmpdir(), 'safe-sqlite-packed-'));
after(() => rmSync(packed, { recursive: true, force: true }));

/** The package of this test run. */
export const { tarball } = pack(packed);

/** Why a test is skipped that downloads hundreds of packages; false when it is wanted. */
export const registrySkip =
  process.env['LONG_TESTS'] === undefined && 'npm run test:consumers runs what needs the npm registry';

/** A folder with a copy of the program called `name`. */
export function copyOfProgram(name: string): string {
  const folder = mkdtempSync(join(tmpdir(), `safe-sqlite-${name}-`));
  cpSync(fileURLToPath(new URL(`apps/${name}`, import.meta.url)), folder, { recursive: true });
  return folder;
}

/** The same for one test, which removes it. */
export function programFolder(t: TestContext, name: string): string {
  const folder = copyOfProgram(name);
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** A copy of examples/`name`, removed at the end: what a user has who took the folder. */
export function exampleFolder(t: { after(remove: () => void): void }, name: string): string {
  const folder = mkdtempSync(join(tmpdir(), `safe-sqlite-example-${name}-`));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  cpSync(join(root, 'examples', name), folder, { recursive: true });
  if (!existsSync(join(folder, 'package.json'))) writeFileSync(join(folder, 'package.json'), '{}');
  return folder;
}

/** Installs from the registry: the tarball, better-sqlite3, `others`, and what the program's package.json names. */
export function npmInstall(folder: string, ...others: string[]): void {
  const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
    devDependencies: { 'better-sqlite3': string };
  };
  const wanted = [tarball, `better-sqlite3@${manifest.devDependencies['better-sqlite3']}`, ...others];
  // Without scripts: the addon of better-sqlite3 13 is in its package, and nothing else here needs one.
  const flags = ['--ignore-scripts', '--no-audit', '--no-fund', '--prefer-offline', '--loglevel=error'];
  // Bounded: a registry that does not answer is named as such by the error (ETIMEDOUT).
  const minutes = process.env['SLOW_TESTS'] === '1' ? 20 : 5;
  const bounds = { timeout: minutes * 60_000, killSignal: 'SIGKILL' } as const;
  execFileSync('npm', ['install', ...flags, ...wanted], { cwd: folder, stdio: 'pipe', ...bounds });
}

/** What `node …args` prints in `folder`. */
export function node(folder: string, ...args: string[]): string {
  return execFileSync(process.execPath, args, { cwd: folder, encoding: 'utf8', stdio: 'pipe' });
}

export function compile(folder: string, compiler: 'typescript' | 'typescript-5'): void {
  try {
    node(folder, join(root, `node_modules/${compiler}/bin/tsc`), '-p', '.');
  } catch (error) {
    assert.fail(`${compiler} does not compile it:\n${String((error as { stdout: unknown }).stdout)}`);
  }
}
