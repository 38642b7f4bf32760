import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { install } from '../../scripts/pack.mjs';
import { blocksOf } from '../docs/page.mts';
import { compile, node, npmInstall, programFolder, registrySkip, tarball } from './program.mts';

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

  test('Express in TypeScript', t => {
    const folder = programFolder(t, 'express');
    install(tarball, folder, ['@types/node', '@types/express', 'express']);
    compile(folder, 'typescript');
    assert.deepEqual(JSON.parse(node(folder, 'out/app.mjs')), [200, 200, 409, 404]);
  });

  test('Jest, after a real npm install', { skip: registrySkip }, t => {
    const folder = programFolder(t, 'jest');
    npmInstall(folder, 'jest@30');
    node(folder, 'node_modules/jest/bin/jest.js', '--ci', '--runInBand');

    // With the resolver of docs/register.md, code that imports better-sqlite3 gets this package.
    const resolver = blocksOf('register.md').find(({ text }) => text.startsWith('// jest-resolver.js'));
    writeFileSync(join(folder, 'jest-resolver.js'), resolver?.text ?? '');
    cpSync(join(folder, 'redirected.js'), join(folder, 'redirected.test.js'));
    node(folder, 'node_modules/jest/bin/jest.js', '--ci', '--resolver=<rootDir>/jest-resolver.js', 'redirected');

    // Jest fails a run in which a module is asked for after its environment is gone, as a late log line would.
    cpSync(join(folder, 'forgotten.js'), join(folder, 'forgotten.test.js'));
    const flags = ['--ci', '--runInBand', '--globalTeardown=<rootDir>/collect.js'];
    const late = spawnSync(process.execPath, ['--expose-gc', 'node_modules/jest/bin/jest.js', ...flags, 'forgotten'], {
      cwd: folder,
      encoding: 'utf8',
      env: { ...process.env, COLLECTED: join(folder, 'collected') },
    });
    assert.equal(late.status, 0, late.stderr);
    assert.match(late.stderr, /"message":"too late"/);
    // What is in memory may be forgotten: it holds nothing that others wait for.
    assert.doesNotMatch(late.stderr, /"code":"leaked-handle"/);
  });
});
