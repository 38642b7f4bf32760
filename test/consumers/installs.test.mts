// The application of apps/environment as each package manager installs it, with two versions of better-sqlite3 in one workspace,
// and as a single executable.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { install, root } from '../../scripts/pack.mjs';
import { blocksOf } from '../docs/page.mts';
import { frameworksSkip, record, runNode, runProgram, versionOf, whole, type Facts } from './environment.mts';
import { npmInstall, programFolder, registrySkip, tarball } from './program.mts';

const version = versionOf(root, 'better-sqlite3');

/** Adds what the application depends on to the package.json of `folder`. */
function dependOn(folder: string, dependencies: Readonly<Record<string, string>>): void {
  const path = join(folder, 'package.json');
  const manifest = JSON.parse(readFileSync(path, 'utf8')) as object;
  writeFileSync(path, JSON.stringify({ ...manifest, dependencies }));
}

describe('package managers', { skip: registrySkip }, () => {
  let tools = '';
  before(() => {
    tools = mkdtempSync(join(tmpdir(), 'safe-sqlite-tools-'));
    writeFileSync(join(tools, 'package.json'), '{}');
    npmInstall(tools, 'pnpm@12', '@yarnpkg/cli-dist@4', 'postject');
  });
  after(() => rmSync(tools, { recursive: true, force: true }));

  function pnpm(folder: string, ...args: string[]): void {
    const store = `--store-dir=${join(tools, 'store')}`;
    execFileSync(process.execPath, [join(tools, 'node_modules/pnpm/bin/pnpm.mjs'), ...args, store], {
      cwd: folder,
      stdio: 'pipe',
      // In CI it refuses an install without a lock file.
      env: { ...process.env, CI: undefined },
    });
  }

  test('pnpm: strict folders of links', t => {
    const folder = programFolder(t, 'environment');
    dependOn(folder, { 'safe-sqlite': `file:${tarball}`, 'better-sqlite3': version });
    pnpm(folder, 'install', '--ignore-scripts');
    assert.deepEqual(
      readdirSync(join(folder, 'node_modules'))
        .filter(name => !name.startsWith('.'))
        .toSorted(),
      ['better-sqlite3', 'safe-sqlite'],
    );
    assert.match(realpathSync(join(folder, 'node_modules/safe-sqlite')), /\.pnpm/);
    const facts = runNode(folder, 'main.js');
    assert.deepEqual([facts, runNode(folder, 'raw.js')], [whole, { rows: 1 }]);
    record('Installs', `pnpm ${versionOf(tools, 'pnpm')}`, facts as Facts);
  });

  test('a pnpm workspace with two versions of better-sqlite3: raw loses, ours notices, register has one', t => {
    const folder = programFolder(t, 'workspace');
    const one = join(folder, 'packages/one');
    writeFileSync(join(one, 'package.json'), JSON.stringify({ name: 'one', private: true, type: 'module' }));
    dependOn(one, { 'safe-sqlite': `file:${tarball}`, 'better-sqlite3': version, two: 'workspace:*' });
    pnpm(folder, 'install', '--ignore-scripts');
    // What the first connection commits after the close of the second goes into a deleted file.
    assert.deepEqual(runNode(one, 'raw.js'), { seen: 2, others: 1 });
    const { code, culprits, rows } = runNode(one, 'notes.js') as { code: string; culprits: string[]; rows: string[] };
    assert.deepEqual([code, rows], ['SAFE_SQLITE_LOCKS_LOST', ['one']]);
    assert.match(culprits.join(), /another copy of SQLite in this process: .*better-sqlite3@13\.0\.3/);
    assert.deepEqual(runNode(one, '--import', 'safe-sqlite/register', 'notes.js', '--registered'), {
      code: null,
      culprits: null,
      rows: ['one', 'two'],
    });
    record(
      'Installs',
      'pnpm workspace, two versions of better-sqlite3',
      'noticed, nothing lost; one copy with register',
    );
  });

  test('Yarn with Plug’n’Play: no node_modules', t => {
    const folder = programFolder(t, 'environment');
    dependOn(folder, { 'safe-sqlite': `file:${tarball}`, 'better-sqlite3': version });
    const registry = execFileSync('npm', ['config', 'get', 'registry'], { encoding: 'utf8' }).trim();
    const settings = {
      nodeLinker: 'pnp',
      enableTelemetry: false,
      enableScripts: false,
      enableGlobalCache: false,
      npmRegistryServer: registry,
      unsafeHttpWhitelist: ['*'],
    };
    writeFileSync(join(folder, '.yarnrc.yml'), JSON.stringify(settings));
    writeFileSync(join(folder, 'yarn.lock'), '');
    const yarn = join(tools, 'node_modules/@yarnpkg/cli-dist/bin/yarn.js');
    const env = { ...process.env, YARN_ENABLE_IMMUTABLE_INSTALLS: 'false' };
    execFileSync(process.execPath, [yarn, 'install'], { cwd: folder, stdio: 'pipe', env });
    assert.ok(!readdirSync(folder).includes('node_modules'));
    const run = (file: string): unknown => runProgram(folder, process.execPath, [yarn, 'node', file]);
    const facts = run('main.js');
    assert.deepEqual([facts, run('raw.js')], [whole, { rows: 1 }]);
    record('Installs', `Yarn ${versionOf(tools, '@yarnpkg/cli-dist')}, Plug'n'Play`, facts as Facts);
  });

  test('a single executable, with better-sqlite3 beside it', { skip: frameworksSkip }, t => {
    const folder = programFolder(t, 'environment');
    install(tarball, folder);
    const app = join(folder, 'app');
    mkdirSync(join(app, 'node_modules'), { recursive: true });
    cpSync(join(root, 'node_modules/better-sqlite3'), join(app, 'node_modules/better-sqlite3'), { recursive: true });
    const commands = blocksOf('bundlers.md').find(({ text }) => text.includes('--experimental-sea-config'));
    assert.ok(commands, 'docs/bundlers.md has no commands for a single executable');
    const path = [join(root, 'node_modules/.bin'), join(tools, 'node_modules/.bin'), process.env['PATH']].join(':');
    const env = { ...process.env, PATH: path };
    const make = (text: string): void => {
      execFileSync('sh', ['-e', '-c', text.replaceAll('npx ', '')], { cwd: folder, stdio: 'pipe', env });
    };
    make(commands.text);
    make(commands.text.replaceAll('main.js', 'raw.js').replaceAll('main.', 'raw.').replaceAll('app/notes', 'app/raw'));
    assert.deepEqual(runProgram(app, join(app, 'raw'), []), { rows: 1 });
    const { doctor, ...facts } = runProgram(app, join(app, 'notes'), []) as Facts;
    const { doctor: _, ...expected } = whole;
    assert.deepEqual(facts, { ...expected, reader: ['thread', 3], warnings: ['readers-in-thread'] });
    assert.match(String(doctor), /^MaintenanceError: Run `npx safe-sqlite` with an installed Node/);
    record('Installs', `single executable of Node ${process.versions.node}`, { ...facts, doctor });
  });
});
