import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { root } from '../../scripts/pack.mjs';
import { noLinks } from '../support/links.mts';

const real = join(root, 'node_modules/better-sqlite3');
const version = (JSON.parse(readFileSync(join(real, 'package.json'), 'utf8')) as { version: string }).version;

/** Tests how a program is registered: arguments of node, and the environment. */
const ways = {
  '--import': { flags: ['--import', 'safe-sqlite/register'], env: {} },
  '--require': { flags: ['--require', 'safe-sqlite/register'], env: {} },
  NODE_OPTIONS: { flags: [], env: { NODE_OPTIONS: '--import safe-sqlite/register' } },
};
const registered = ways['--import'];
const unregistered = { flags: [], env: {} };

describe('safe-sqlite/register', { skip: noLinks }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'register-'));
  after(() => rmSync(folder, { recursive: true, force: true }));

  before(() => {
    link('safe-sqlite', root);
    link('better-sqlite3', real);
    copyOfBetterSqlite('node_modules/orm/node_modules/better-sqlite3');
    write('node_modules/orm/package.json', '{ "name": "orm", "main": "index.js" }');
    write('node_modules/orm/index.js', `exports.Database = require('better-sqlite3');`);
    write('node_modules/esm-orm/package.json', '{ "name": "esm-orm", "type": "module", "exports": "./index.js" }');
    write('node_modules/esm-orm/index.js', `export { default as Database, SqliteError } from 'better-sqlite3';`);
    copyOfBetterSqlite('node_modules/esm-orm/node_modules/better-sqlite3');
  });

  function write(path: string, text: string): void {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  }

  function link(name: string, target: string): void {
    mkdirSync(join(folder, 'node_modules'), { recursive: true });
    symlinkSync(target, join(folder, 'node_modules', name), 'junction');
  }

  /** A second copy as npm installs it for a dependency that pins its own: the same code in another file. */
  function copyOfBetterSqlite(path: string): void {
    for (const part of ['lib', 'prebuilds']) cpSync(join(real, part), join(folder, path, part), { recursive: true });
    const manifest = JSON.parse(readFileSync(join(real, 'package.json'), 'utf8')) as object;
    write(join(path, 'package.json'), JSON.stringify({ ...manifest, version: '13.0.0-nested' }));
  }

  /** Runs `text` as the program `name` and gives back what it printed as JSON. */
  function run(name: string, text: string, way: { flags: string[]; env: object } = registered): unknown {
    write(name, text);
    const { NODE_OPTIONS: _, ...env } = process.env;
    const done = spawnSync(process.execPath, [...way.flags, name], {
      cwd: folder,
      encoding: 'utf8',
      env: { ...env, ...way.env },
    });
    // Beside its own log lines, about the filesystem it may be run on, nothing.
    assert.equal(done.stderr.replaceAll(/^\{"level".*\n/gm, ''), '');
    return JSON.parse(done.stdout);
  }

  const twoWriters = `
    const Database = require('better-sqlite3');
    const orm = require('orm');
    const first = new Database(process.argv[1] + '.db', { timeout: 0 });
    first.exec('CREATE TABLE IF NOT EXISTS t (a)');
    first.exec('BEGIN IMMEDIATE');
    let second;
    try {
      new orm.Database(process.argv[1] + '.db', { timeout: 0 }).exec('BEGIN IMMEDIATE');
      second = 'writes as well';
    } catch (error) {
      second = error.code;
    }
    console.log(JSON.stringify({ one: Database === orm.Database, second }));`;

  test('the hazard: two copies of better-sqlite3 hold the write lock at the same time', () => {
    assert.deepEqual(run('hazard.cjs', twoWriters, unregistered), { one: false, second: 'writes as well' });
  });

  test('registered, the dependency that pins its own copy runs on the same one', () => {
    assert.deepEqual(run('writers.cjs', twoWriters), { one: true, second: 'SQLITE_BUSY' });
  });

  for (const [name, way] of Object.entries(ways)) {
    test(`${name}: CommonJS gets the constructor as module.exports`, () => {
      const text = `
        const Database = require('better-sqlite3');
        const db = Database(':memory:');
        class Mine extends Database {}
        let error;
        try { db.exec('SELEC'); } catch (thrown) { error = thrown; }
        console.log(JSON.stringify({
          ours: Database === require('safe-sqlite').Database,
          orm: Database === require('orm').Database,
          instance: db instanceof Database && new Mine(':memory:') instanceof Database,
          error: error instanceof Database.SqliteError,
          plan: db.plan.filesystem,
          platform: require('better-sqlite3/' + process.platform + '-' + process.arch) === Database,
        }));`;
      assert.deepEqual(run('cjs.cjs', text, way), {
        ours: true,
        orm: true,
        instance: true,
        error: true,
        plan: null,
        platform: true,
      });
    });

    test(`${name}: ES modules get it as the default, statically and dynamically`, () => {
      const text = `
        import Database, { SqliteError } from 'better-sqlite3';
        import * as namespace from 'better-sqlite3';
        import * as orm from 'esm-orm';
        import Ours from 'safe-sqlite';
        import { createRequire } from 'node:module';
        console.log(JSON.stringify({
          ours: Database === Ours,
          namespace: namespace.default === Ours,
          named: SqliteError === Ours.SqliteError && orm.SqliteError === SqliteError,
          orm: orm.Database === Ours,
          dynamic: (await import('better-sqlite3')).default === Ours,
          required: createRequire(import.meta.url)('better-sqlite3') === Ours,
        }));`;
      assert.deepEqual(run('esm.mjs', text, way), {
        ours: true,
        namespace: true,
        named: true,
        orm: true,
        dynamic: true,
        required: true,
      });
    });

    test(`${name}: worker threads, whatever they are given`, () => {
      write(
        'worker.cjs',
        `require('node:worker_threads').parentPort.postMessage('plan' in require('better-sqlite3').prototype);`,
      );
      write(
        'worker.mjs',
        `import Database from 'better-sqlite3';
         import { parentPort } from 'node:worker_threads';
         parentPort.postMessage('plan' in Database.prototype);`,
      );
      const text = `
        import { once } from 'node:events';
        import { readFileSync } from 'node:fs';
        import { SHARE_ENV, Worker } from 'node:worker_threads';
        class Named extends Worker {}
        const settings = { nothing: undefined, execArgv: { execArgv: [] }, env: { env: {} }, both: { execArgv: [], env: {} }, shared: { env: SHARE_ENV } };
        const programs = [['worker.cjs'], ['worker.mjs'], [readFileSync('worker.cjs', 'utf8'), { eval: true }]];
        const answers = {};
        for (const [name, options] of Object.entries(settings)) {
          answers[name] = await Promise.all(programs.map(async ([program, more]) => {
            const file = more ? program : new URL(program, import.meta.url);
            const [answer] = await once(new Named(file, more ? { ...options, ...more } : options), 'message');
            return answer;
          }));
        }
        console.log(JSON.stringify(answers));`;
      const all = [true, true, true];
      assert.deepEqual(run('workers.mjs', text, way), {
        nothing: all,
        execArgv: all,
        env: all,
        both: all,
        shared: all,
      });
    });
  }

  test('the hazard: a worker with its own execArgv does not inherit the flag', () => {
    const text = `
      const { Worker } = require('node:worker_threads');
      new Worker('require("node:worker_threads").parentPort.postMessage(process.execArgv)', { eval: true, execArgv: [] })
        .on('message', execArgv => console.log(JSON.stringify(execArgv)));`;
    write('nothing.cjs', '');
    assert.deepEqual(run('inherit.cjs', text, { flags: ['--require', './nothing.cjs'], env: {} }), []);
  });

  test('flags that a worker cannot be given do not keep it from starting', () => {
    const text = `
      const { Worker } = require('node:worker_threads');
      new Worker(${JSON.stringify(join(folder, 'worker.cjs'))}).on('message', answer => console.log(JSON.stringify(answer)));`;
    write(
      'worker.cjs',
      `require('node:worker_threads').parentPort.postMessage('plan' in require('better-sqlite3').prototype);`,
    );
    const flags = ['--max-old-space-size=200', '--expose-gc', ...registered.flags];
    assert.equal(run('flags.cjs', text, { flags, env: {} }), true);
  });

  test('a refusal of Node to start a worker stays what it is', () => {
    const text = `
      const { Worker } = require('node:worker_threads');
      try { new Worker('', { eval: true, execArgv: ['--expose-gc'] }); } catch (error) { console.log(JSON.stringify(error.code)); }`;
    assert.equal(run('refused.cjs', text), 'ERR_WORKER_INVALID_EXEC_ARGV');
  });

  test('paths, aliases and subpaths lead to one copy', () => {
    write('package.json', JSON.stringify({ imports: { '#db': 'better-sqlite3' } }));
    const nested = join(folder, 'node_modules/orm/node_modules/better-sqlite3');
    const text = `
      import { createRequire } from 'node:module';
      import alias from '#db';
      import byUrl from ${JSON.stringify(pathToFileURL(join(nested, 'lib/index.js')).href)};
      import Ours from 'safe-sqlite';
      const require = createRequire(import.meta.url);
      const fromOrm = createRequire(${JSON.stringify(join(folder, 'node_modules/orm/index.js'))});
      console.log(JSON.stringify({
        alias: alias === Ours,
        byUrl: byUrl === Ours,
        folder: require(${JSON.stringify(nested)}) === Ours,
        relative: require('./node_modules/orm/node_modules/better-sqlite3') === Ours,
        resolved: require(fromOrm.resolve('better-sqlite3')) === Ours,
        version: fromOrm('better-sqlite3/package.json').version,
        addon: Object.keys(fromOrm(${JSON.stringify(join(nested, 'prebuilds', `${process.platform}-${process.arch}.node`))})).length > 0,
        loaded: Object.keys(require.cache).filter(path => path.startsWith(${JSON.stringify(nested)})),
      }));`;
    assert.deepEqual(run('paths.mjs', text), {
      alias: true,
      byUrl: true,
      folder: true,
      relative: true,
      resolved: true,
      version,
      addon: true,
      loaded: [],
    });
    rmSync(join(folder, 'package.json'));
  });

  test('another copy of this package shares the native one', () => {
    const other = 'node_modules/service/node_modules/safe-sqlite';
    cpSync(join(root, 'dist'), join(folder, other, 'dist'), { recursive: true });
    cpSync(join(root, 'package.json'), join(folder, other, 'package.json'));
    copyOfBetterSqlite('node_modules/service/node_modules/better-sqlite3');
    for (const name of ['pino', 'fastest-levenshtein', 'typed-emitter']) link(name, join(root, 'node_modules', name));
    write('node_modules/service/index.js', `exports.Database = require('safe-sqlite');`);
    const text = `
      const Database = require('better-sqlite3');
      const service = require('service');
      const one = new Database('shared.db', { timeout: 0 });
      const two = new service.Database('shared.db', { timeout: 0 });
      one.exec('BEGIN IMMEDIATE');
      let second;
      try { two.exec('BEGIN IMMEDIATE'); } catch (error) { second = error.code; }
      console.log(JSON.stringify({ copies: Database !== service.Database, second }));`;
    assert.deepEqual(run('copies.cjs', text), { copies: true, second: 'SQLITE_BUSY' });
  });

  test('the process guard is on', () => {
    const text = `
      import Database from 'better-sqlite3';
      import { readFileSync } from 'node:fs';
      const db = new Database('guarded.db');
      db.exec('CREATE TABLE t (a)');
      let code;
      try { readFileSync('guarded.db'); } catch (error) { code = error.code; }
      console.log(JSON.stringify(code));`;
    assert.equal(run('guard.mjs', text), 'SAFE_SQLITE_COPY_CONFLICT');
  });

  const late = {
    'before.cjs': `require('better-sqlite3'); require('safe-sqlite/register');`,
    // The imports of a module are resolved together, before the first of them runs.
    'beside.mjs': `import 'safe-sqlite/register'; import 'better-sqlite3';`,
    'nested.cjs': `require('orm'); require('safe-sqlite'); require('safe-sqlite/register');`,
  };
  for (const [name, text] of Object.entries(late)) {
    test(`warns when better-sqlite3 was loaded first: ${name}`, () => {
      write(name, text);
      const { status, stderr } = spawnSync(process.execPath, [name], { cwd: folder, encoding: 'utf8' });
      assert.equal(status, 0);
      assert.match(stderr, /SAFE_SQLITE_REGISTERED_LATE/);
    });
  }

  test('does not warn in time: required first, or twice, or beside this package', () => {
    const text = `
      require('safe-sqlite');
      require('safe-sqlite/register');
      require('safe-sqlite/register');
      setImmediate(() => console.log(JSON.stringify(require('better-sqlite3') === require('safe-sqlite'))));`;
    assert.equal(run('first.cjs', text, unregistered), true);
    assert.equal(run('first.cjs', text), true);
  });

  test('says what to do where Node has no hooks', () => {
    write('old.cjs', `require('node:module').registerHooks = undefined;`);
    write('app.cjs', '');
    const flags = ['--require', './old.cjs', '--require', 'safe-sqlite/register', 'app.cjs'];
    const { status, stderr } = spawnSync(process.execPath, flags, { cwd: folder, encoding: 'utf8' });
    assert.equal(status, 1);
    assert.match(stderr, /safe-sqlite\/register needs Node 22\.15 or newer/);
  });
});
