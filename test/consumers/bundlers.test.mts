// The application of apps/environment in a bundle of each bundler, by the configurations of docs/bundlers.md.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test, type TestContext } from 'node:test';
import { transformSync } from 'esbuild';
import { install, root } from '../../scripts/pack.mjs';
import { blocksOf } from '../docs/page.mts';
import { bin, configure, record, runNode, versionOf, whole, type Facts } from './environment.mts';
import { copyOfProgram, npmInstall, programFolder, registrySkip, tarball } from './program.mts';

const blocks = blocksOf('bundlers.md');

/** The commands of the page that begin with `program`, each as its arguments. */
function commandsOf(program: string): readonly string[][] {
  const lines = blocks.flatMap(({ text }) => text.split('\n'));
  const found = lines.filter(line => line.startsWith(`${program} `)).map(line => line.split(' ').slice(1));
  assert.ok(found.length > 0, `docs/bundlers.md has no command of ${program}`);
  return found;
}

/** Runs each output in a test of its own: one that fails keeps no other from being tried. */
async function proves(
  t: TestContext,
  folder: string,
  name: string,
  outputs: Readonly<Record<string, string>>,
): Promise<void> {
  for (const [format, output] of Object.entries(outputs)) {
    await t.test(`${name}, ${format}`, () => {
      const facts = runNode(folder, output);
      assert.deepEqual(facts, whole);
      record('Bundlers', `${name}, ${format}`, facts as Facts);
    });
  }
}

/** What the application says that has better-sqlite3 in its bundle. */
function onTheEventLoop({ reasons, ...rest }: Facts): void {
  const { reasons: _, ...ordinary } = whole;
  assert.deepEqual(rest, {
    ...ordinary,
    threads: false,
    reader: ['thread', 3],
    status: 'degraded',
    warnings: ['no-worker-thread', 'readers-in-thread'],
  });
  assert.match(reasons.join(), /leave better-sqlite3 out of the bundle \(external: \['better-sqlite3'\]\)/);
}

describe('esbuild, without the registry', () => {
  test('as docs/bundlers.md has it, also minified', async t => {
    const folder = programFolder(t, 'environment');
    install(tarball, folder);
    const [esm = [], cjs = []] = commandsOf('esbuild');
    const esbuild = join(root, 'node_modules/esbuild/bin/esbuild');
    for (const extra of [[], ['--minify'], ['--minify', '--sourcemap']]) {
      for (const args of [esm, cjs]) execFileSync(esbuild, [...args, ...extra, '--log-level=error'], { cwd: folder });
      const outputs = { ESM: 'out/esbuild/main.mjs', CommonJS: 'out/esbuild/main.cjs' };
      await proves(
        t,
        folder,
        `esbuild ${versionOf(root, 'esbuild')}${extra.map(flag => ` ${flag}`).join('')}`,
        outputs,
      );
    }
    const raw = esm.map(each => each.replace('main', 'raw'));
    execFileSync(esbuild, raw, { cwd: folder, stdio: 'pipe' });
    assert.deepEqual(runNode(folder, 'out/esbuild/raw.mjs'), { rows: 1 });
  });

  const whyNot = `${process.platform}-${process.arch}` !== 'linux-x64' && 'the command of the page is for linux-x64';
  test('with the addon beside the bundle it runs on the event loop and says so', { skip: whyNot }, t => {
    const folder = programFolder(t, 'environment');
    install(tarball, folder);
    const inside = commandsOf('esbuild').find(args => args.includes('--loader:.node=copy')) ?? assert.fail();
    const esbuild = join(root, 'node_modules/esbuild/bin/esbuild');
    execFileSync(esbuild, [...inside, '--log-level=error'], { cwd: folder });
    execFileSync(esbuild, [...inside.map(each => each.replace('main', 'raw')), '--log-level=error'], { cwd: folder });
    // The package beside it must not be taken for the copy in the bundle, nor be needed.
    for (const packages of ['node_modules', 'gone']) {
      if (packages === 'gone') renameSync(join(folder, 'node_modules'), join(folder, packages));
      assert.deepEqual(runNode(folder, 'out/inside/raw.cjs'), { rows: 1 });
      onTheEventLoop(runNode(folder, 'out/inside/main.cjs') as Facts);
    }
    record(
      'Bundlers',
      `esbuild ${versionOf(root, 'esbuild')}, the addon beside the bundle`,
      'on the event loop, doctor, health degraded',
    );
  });

  test('two copies in one bundle, by import and by require(), share what is of the process', t => {
    const folder = programFolder(t, 'environment');
    install(tarball, folder);
    writeFileSync(
      join(folder, 'both.js'),
      `import Database, { openDatabase, SqliteUniqueError } from 'safe-sqlite';
       const other = require('safe-sqlite');
       const db = openDatabase('a.db', { logger: false });
       const again = other.openDatabase('a.db', { logger: false });
       db.exec('CREATE TABLE t (x UNIQUE); INSERT INTO t VALUES (1)');
       let error;
       try { again.exec('INSERT INTO t VALUES (1)'); } catch (thrown) { error = thrown; }
       let conflict;
       try { other.openDatabase('a.db', { logger: false, durability: 'extra' }); } catch (thrown) { conflict = thrown.code; }
       console.log(JSON.stringify({
         classes: Database === other, error: error instanceof SqliteUniqueError, conflict, rows: again.prepare('SELECT x FROM t').all() }));
       db.close(); again.close();`,
    );
    const esbuild = join(root, 'node_modules/esbuild/bin/esbuild');
    const args = ['both.js', '--bundle', '--platform=node', '--external:better-sqlite3', '--outfile=out/both.cjs'];
    execFileSync(esbuild, args, { cwd: folder, stdio: 'pipe' });
    assert.deepEqual(runNode(folder, 'out/both.cjs'), {
      classes: false,
      error: true,
      conflict: 'SAFE_SQLITE_INSTANCE_CONFLICT',
      rows: [{ x: 1 }],
    });
  });
});

describe('bundlers, after a real npm install', { skip: registrySkip }, () => {
  let folder = '';
  before(() => {
    folder = copyOfProgram('environment');
    const rollup = ['rollup', '@rollup/plugin-commonjs', '@rollup/plugin-json', '@rollup/plugin-node-resolve'];
    npmInstall(folder, ...rollup, 'rolldown', 'vite', 'webpack', 'webpack-cli', '@vercel/ncc', 'tsup', 'typescript@5');
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  test('no bundle: the control', () => {
    const facts = runNode(folder, 'main.js');
    assert.deepEqual(facts, whole);
    assert.deepEqual(runNode(folder, 'raw.js'), { rows: 1 });
    record('Bundlers', 'none', facts as Facts);
  });

  test('the package brings neither rxjs nor tslib', () => {
    const { dependencies } = JSON.parse(
      readFileSync(join(folder, 'node_modules/safe-sqlite/package.json'), 'utf8'),
    ) as { dependencies: object };
    assert.deepEqual(Object.keys(dependencies), ['fastest-levenshtein', 'pino']);
    const tree = execFileSync('npm', ['ls', '--all', '--json', 'safe-sqlite'], { cwd: folder, encoding: 'utf8' });
    assert.doesNotMatch(tree, /"(rxjs|tslib|typed-emitter)"/);
  });

  const programs = {
    rollup: { config: 'rollup.config.js', file: 'rollup/dist/bin/rollup', args: ['-c', '--silent'] },
    rolldown: { config: 'rolldown.config.js', file: 'rolldown/bin/cli.mjs', args: ['-c'] },
    webpack: { config: 'webpack.config.js', file: 'webpack-cli/bin/cli.js', args: [] },
    tsup: { config: 'tsup.config.js', file: 'tsup/dist/cli-default.js', args: ['--silent'] },
  };
  for (const [name, { config, file, args }] of Object.entries(programs)) {
    test(name, async t => {
      configure(folder, config);
      const said = await bin(folder, file, ...args);
      if (name === 'webpack') assert.doesNotMatch(said, /WARNING/);
      const outputs = { ESM: `out/${name}/main.mjs`, CommonJS: `out/${name}/main.cjs` };
      await proves(t, folder, `${name} ${versionOf(folder, name)}`, outputs);
    });
  }

  for (const kind of ['import', 'node-commonjs']) {
    test(`webpack, with ${kind} in place of module`, async t => {
      configure(folder, 'webpack.config.js');
      const config = join(folder, 'webpack.config.js');
      const page = readFileSync(config, 'utf8');
      assert.ok(page.includes("'module better-sqlite3'"));
      writeFileSync(config, page.replace("'module better-sqlite3'", `'${kind} better-sqlite3'`));
      await bin(folder, 'webpack-cli/bin/cli.js');
      const name = `webpack ${versionOf(folder, 'webpack')}, ${kind} better-sqlite3`;
      await proves(t, folder, name, { ESM: 'out/webpack/main.mjs' });
    });
  }

  test('tsup and Vite leave both packages outside by themselves', async t => {
    await bin(
      folder,
      'tsup/dist/cli-default.js',
      'main.js',
      '--no-config',
      '--silent',
      '--format=esm',
      '--out-dir=out/tsup-plain',
    );
    const vite = ['build', '--config=plain.config.js', '--logLevel=error'];
    writeFileSync(
      join(folder, 'plain.config.js'),
      `export default { build: { ssr: 'main.js', outDir: 'out/vite-plain' } };`,
    );
    await bin(folder, 'vite/bin/vite.js', ...vite);
    for (const name of ['tsup', 'Vite']) {
      const output = `out/${name.toLowerCase()}-plain/main.js`;
      assert.match(readFileSync(join(folder, output), 'utf8'), /from ["']safe-sqlite["']/);
      await proves(t, folder, `${name} ${versionOf(folder, name.toLowerCase())}, as it comes`, { ESM: output });
    }
  });

  test('Vite', async t => {
    configure(folder, 'vite.config.js');
    await bin(folder, 'vite/bin/vite.js', 'build', '--logLevel', 'error');
    await proves(t, folder, `Vite ${versionOf(folder, 'vite')}, noExternal`, { ESM: 'out/vite/main.mjs' });
  });

  test('ncc: with better-sqlite3 outside all is whole, inside it runs on the event loop and says so', async t => {
    const cjs = join(folder, 'cjs');
    mkdirSync(cjs);
    writeFileSync(join(cjs, 'package.json'), '{ "type": "commonjs" }');
    for (const name of ['main.js', 'exercise.js', 'raw.js', 'control.js']) {
      const { code } = transformSync(readFileSync(join(folder, name), 'utf8'), { format: 'cjs', platform: 'node' });
      writeFileSync(join(cjs, name), code);
    }
    const ncc = (...args: string[]): Promise<string> => bin(folder, '@vercel/ncc/dist/ncc/cli.js', ...args, '-q');
    for (const args of commandsOf('ncc')) await ncc(...args);
    const name = `ncc ${versionOf(folder, '@vercel/ncc')}`;
    await proves(t, folder, name, { '-e better-sqlite3': 'cjs/out/outside/index.js' });

    // The package beside it must not be taken for the copy in the bundle.
    await ncc('build', 'cjs/main.js', '-o', 'cjs/out/inside');
    const inside = runNode(folder, 'cjs/out/inside/index.js') as Facts;
    onTheEventLoop(inside);
    record('Bundlers', `${name}, better-sqlite3 inside`, inside);

    await ncc('build', 'cjs/raw.js', '-o', 'cjs/out/raw');
    assert.deepEqual(runNode(folder, 'cjs/out/raw/index.js'), { rows: 1 });
  });
});
