import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  copyFileSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { folders as table, mayImport } from '../../scripts/floors.mjs';

const folders = table.map(folder => folder.name);
const root = fileURLToPath(new URL('../..', import.meta.url));
const oxlint = join(dirname(createRequire(import.meta.url).resolve('oxlint/package.json')), 'bin/oxlint');

/** Runs the project's lint on `files`, as `file: imported` lines. */
function lint(t: TestContext, files: Record<string, string>): string[] {
  const folder = mkdtempSync(join(tmpdir(), 'safe-sqlite-floors-'));
  t.after(() => rmSync(folder, { recursive: true }));
  copyFileSync(join(root, '.oxlintrc.json'), join(folder, '.oxlintrc.json'));
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
  const run = spawnSync(process.execPath, [oxlint, '--format=json'], { cwd: folder, encoding: 'utf8' });
  const { diagnostics } = JSON.parse(run.stdout) as {
    diagnostics: { filename: string; code: string; message: string }[];
  };
  return diagnostics
    .filter(({ code }) => code.includes('no-restricted-imports'))
    .map(({ filename, message }) => `${filename}: ${/'(.*?)'/.exec(message)?.[1] ?? ''}`);
}

describe('the floors', () => {
  test('the lint configuration and the table of ARCHITECTURE.md are made from scripts/floors.mjs', t => {
    const folder = mkdtempSync(join(tmpdir(), 'safe-sqlite-floors-'));
    t.after(() => rmSync(folder, { recursive: true }));
    const files = ['.oxlintrc.json', 'ARCHITECTURE.md', '.prettierrc.json', '.prettierignore'];
    for (const file of files) copyFileSync(join(root, file), join(folder, file));
    cpSync(join(root, 'scripts'), join(folder, 'scripts'), { recursive: true });
    symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
    const run = spawnSync(process.execPath, [join(folder, 'scripts/floors-page.mjs')], { encoding: 'utf8' });
    assert.equal(run.status, 0, run.stderr);
    for (const file of files) {
      assert.equal(readFileSync(join(folder, file), 'utf8'), readFileSync(join(root, file), 'utf8'), file);
    }
  });

  test('every folder of src has its floor', () => {
    const present = readdirSync(join(root, 'src'), { withFileTypes: true })
      .filter(entry => entry.isDirectory())
      .map(entry => entry.name);
    assert.deepEqual(
      present.filter(folder => !folders.includes(folder)),
      [],
    );
  });

  test('lint refuses exactly the imports that go up or across', t => {
    const files: Record<string, string> = {};
    const expected: string[] = [];
    for (const from of folders) {
      const targets = folders.filter(to => to !== from);
      files[`src/${from}/probe.ts`] = targets
        .map((to, index) => `import { x as x${index} } from '../${to}/y';`)
        .join('\n');
      files[`src/${from}/deeper/probe.ts`] = targets
        .map((to, index) => `export { x as x${index} } from '../../${to}/y';`)
        .join('\n');
      for (const to of targets.filter(candidate => !mayImport(from, candidate))) {
        expected.push(`src/${from}/probe.ts: ../${to}/y`, `src/${from}/deeper/probe.ts: ../../${to}/y`);
      }
    }
    assert.deepEqual(lint(t, files).toSorted(), expected.toSorted());
  });

  test('lint refuses better-sqlite3 as a value everywhere but in native, and lets its types through', t => {
    const files: Record<string, string> = {};
    for (const folder of folders) {
      files[`src/${folder}/value.ts`] = `import Database from 'better-sqlite3';\nexport const x = Database;\n`;
      files[`src/${folder}/type.ts`] =
        `import type Database from 'better-sqlite3';\nexport type X = Database.Database;\n`;
    }
    assert.deepEqual(
      lint(t, files).toSorted(),
      folders
        .filter(folder => folder !== 'native')
        .map(folder => `src/${folder}/value.ts: better-sqlite3`)
        .toSorted(),
    );
  });

  test('lint refuses input and output where things are only decided', t => {
    const files: Record<string, string> = {};
    for (const folder of folders) files[`src/${folder}/io.ts`] = `import fs from 'node:fs';\nexport const x = fs;\n`;
    assert.deepEqual(lint(t, files).toSorted(), [
      'src/errors/io.ts: node:fs',
      'src/events/io.ts: node:fs',
      'src/options/io.ts: node:fs',
      'src/policy/io.ts: node:fs',
      'src/sql/io.ts: node:fs',
    ]);
  });
});
