import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test, type TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { install, pack, root } from '../../scripts/pack.mjs';

// Real small programs that use the package as npm would publish it. Only what they import is installed beside it.
const packed = mkdtempSync(join(tmpdir(), 'safe-sqlite-packed-'));
after(() => rmSync(packed, { recursive: true, force: true }));
const { tarball } = pack(packed);

/** A copy of the program called `name` in a folder of its own. */
function programFolder(t: TestContext, name: string): string {
  const folder = mkdtempSync(join(tmpdir(), `safe-sqlite-${name}-`));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  cpSync(fileURLToPath(new URL(`apps/${name}`, import.meta.url)), folder, { recursive: true });
  return folder;
}

function node(folder: string, ...args: string[]): string {
  return execFileSync(process.execPath, args, { cwd: folder, encoding: 'utf8', stdio: 'pipe' });
}

function compile(folder: string, compiler: 'typescript' | 'typescript-5'): void {
  try {
    node(folder, join(root, `node_modules/${compiler}/bin/tsc`), '-p', '.');
  } catch (error) {
    assert.fail(`${compiler} does not compile it:\n${String((error as { stdout: unknown }).stdout)}`);
  }
}

describe('programs that installed the package', () => {
  test('CommonJS in JavaScript: require()', t => {
    const folder = programFolder(t, 'cjs-js');
    install(tarball, folder);
    assert.deepEqual(JSON.parse(node(folder, 'app.js')), {
      ids: [1, 2],
      texts: ['one', 'two'],
      count: 2,
      code: 'SQLITE_CONSTRAINT_UNIQUE',
      isUnique: true,
      isSqliteError: true,
      isSameAsNative: true,
      isDatabase: true,
      sameConstructor: true,
    });
  });

  test('ES module in JavaScript: import, and the same objects through require()', t => {
    const folder = programFolder(t, 'esm-js');
    install(tarball, folder);
    assert.deepEqual(JSON.parse(node(folder, 'app.js')), {
      oneConstructor: 1,
      namesDiffer: [],
      strayNames: [],
      isNotNull: true,
      isDatabase: true,
    });
  });

  for (const compiler of ['typescript', 'typescript-5'] as const) {
    test(`TypeScript under nodenext, .mts and .cts, compiled by ${compiler} without the types of better-sqlite3`, t => {
      const folder = programFolder(t, 'ts-nodenext');
      install(tarball, folder, ['@types/node']);
      compile(folder, compiler);
      assert.deepEqual(JSON.parse(node(folder, 'out/app.mjs')), {
        changes: 1,
        lastInsertRowid: 1,
        notes: [{ id: 1, text: 'one' }],
        refused: 'SQLITE_CONSTRAINT_CHECK SQLITE_CONSTRAINT false',
        instance: true,
      });
    });
  }

  test('TypeScript with old node resolution and esModuleInterop', t => {
    const folder = programFolder(t, 'ts-node10');
    install(tarball, folder, ['@types/node']);
    compile(folder, 'typescript-5');
    assert.deepEqual(JSON.parse(node(folder, 'out/app.js')), {
      doubled: 8,
      count: 2,
      refused: 'SAFE_SQLITE_INVALID_OPTION',
    });
  });

  // It downloads Jest: some 250 packages.
  const skip = process.env['LONG_TESTS'] === undefined && 'set LONG_TESTS=1 to run what needs the npm registry';
  test('Jest, after a real npm install', { skip }, t => {
    const folder = programFolder(t, 'jest');
    const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
    const flags = ['--no-audit', '--no-fund', '--prefer-offline', '--loglevel=error'];
    const wanted = [tarball, `better-sqlite3@${manifest.devDependencies['better-sqlite3']}`, 'jest@30'];
    writeFileSync(join(folder, '.npmrc'), '');
    execFileSync('npm', ['install', ...flags, ...wanted], { cwd: folder, stdio: 'pipe' });
    node(folder, 'node_modules/jest/bin/jest.js', '--ci', '--runInBand');
  });
});
