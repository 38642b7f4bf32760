/** Readers of an application in one file: their program is part of the bundle, and needs no file beside it. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { buildSync, type Format } from 'esbuild';
import { noLinks } from '../support/links.mts';

const require = createRequire(import.meta.url);

const application = `
  import { openDatabase } from 'safe-sqlite';
  const readers = { setup: process.argv[3] };
  const db = openDatabase(process.argv[2], { logger: false, readers });
  const warnings = [];
  db.events.on('warning', ({ code, message }) => code === 'readers-in-thread' && warnings.push(message));
  db.exec('CREATE TABLE IF NOT EXISTS t (a); DELETE FROM t; INSERT INTO t VALUES (1), (2)');
  const all = async () => [await db.reader.get('SELECT count(*) AS n FROM t'), await db.reader.all('SELECT twice(a) AS a FROM t')];
  all().then(rows => {
    const { mode, obstacle, started } = db.health().readers;
    console.log(JSON.stringify({ rows, mode, obstacle, started, warnings }));
    db.close();
  });`;
const rows = [{ n: 2 }, [{ a: 2 }, { a: 4 }]];
/** Modules outside of the bundle: the second can only be imported. */
const setups = {
  'setup.mjs': `export default db => db.function('twice', number => 2 * number);`,
  'late.mjs': `await null; export default db => db.function('twice', number => 2 * number);`,
};

interface Seen {
  readonly mode: string;
  readonly obstacle: string | null;
  readonly started: number;
  readonly warnings: readonly string[];
}

for (const format of ['cjs', 'esm'] as Format[]) {
  test(`a bundle in ${format}, minified, from any folder: readers are processes`, { skip: noLinks }, t => {
    const home = mkdtempSync(join(tmpdir(), 'readers-bundled-'));
    t.after(() => rmSync(home, { recursive: true, force: true }));
    const modules = join(home, 'node_modules');
    mkdirSync(modules);
    symlinkSync(dirname(require.resolve('better-sqlite3/package.json')), join(modules, 'better-sqlite3'));
    const source = join(import.meta.dirname, `bundled-${process.pid}.mjs`);
    writeFileSync(source, application);
    t.after(() => rmSync(source, { force: true }));
    const bundle = join(home, 'out', format === 'cjs' ? 'bundle.cjs' : 'bundle.mjs');
    buildSync({
      entryPoints: [source],
      outfile: bundle,
      bundle: true,
      minify: true,
      platform: 'node',
      format,
      external: ['better-sqlite3'],
      logLevel: 'error',
    });
    for (const [name, text] of Object.entries(setups)) writeFileSync(join(home, name), text);
    const runWith = (setup: string, cwd: string, ...flags: string[]): Seen => {
      const args = [...flags, bundle, join(home, 'a.db'), join(home, setup)];
      const { stdout, stderr } = spawnSync(process.execPath, args, { cwd, encoding: 'utf8' });
      assert.ok(stdout.startsWith('{'), stderr);
      const { rows: found, ...seen } = JSON.parse(stdout) as Seen & { readonly rows: unknown };
      assert.deepEqual(found, rows);
      return seen;
    };
    const run = (cwd: string, ...flags: string[]): Seen => runWith('setup.mjs', cwd, ...flags);
    const processes = { mode: 'processes', obstacle: null, started: 1, warnings: [] };
    for (const cwd of [home, '/']) assert.deepEqual(run(cwd), processes);
    // Where no process may be started: the same rows, and one warning with what mends it.
    const permission = ['--permission', '--allow-fs-read=*', '--allow-fs-write=*', '--allow-addons', '--allow-worker'];
    const { mode, obstacle, warnings } = run(home, ...permission, '--no-warnings');
    assert.equal(mode, 'thread');
    assert.equal(runWith('late.mjs', home, ...permission, '--no-warnings').mode, 'thread');
    assert.match(obstacle ?? '', /allows no child processes; to mend it, start Node with --allow-child-process$/);
    assert.equal(warnings.length, 1);
    assert.ok(warnings[0]?.includes(obstacle ?? '?'), warnings[0]);
    assert.deepEqual(
      run(home, ...permission, '--no-warnings', '--allow-child-process'),
      processes,
      'the advice mends it',
    );
  });
}
