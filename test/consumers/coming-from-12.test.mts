/** Follows docs/coming-from-12.md with real installations of npm, from better-sqlite3 11 and 12 to the first start. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import { blocksOf } from '../docs/page.mts';
import { node, registrySkip, tarball } from './program.mts';

interface Manifest {
  readonly dependencies: Readonly<Record<string, string>>;
  readonly overrides?: object;
}

const page = blocksOf('coming-from-12.md');
/** The entry of the page, as it stands there. */
const { overrides } = JSON.parse(page.find(({ language }) => language === 'json')?.text ?? '{}') as Manifest;

interface Tree {
  /** Versions of better-sqlite3 in the tree, one for each copy on the disk. */
  readonly copies: readonly string[];
  readonly invalid: boolean;
}

class Application {
  readonly folder: string;

  constructor(t: TestContext, dependencies: Readonly<Record<string, string>>) {
    this.folder = mkdtempSync(join(tmpdir(), 'safe-sqlite-from-12-'));
    t.after(() => rmSync(this.folder, { recursive: true, force: true }));
    this.write({ dependencies });
    assert.equal(this.install().status, 0);
  }

  write(manifest: Manifest): void {
    writeFileSync(join(this.folder, 'package.json'), JSON.stringify({ private: true, type: 'module', ...manifest }));
  }

  read(): Manifest {
    return JSON.parse(readFileSync(join(this.folder, 'package.json'), 'utf8')) as Manifest;
  }

  install(...packages: string[]): { readonly status: number | null; readonly stderr: string } {
    // Without scripts: 11 and 12 would be downloaded or compiled, and nothing here runs them.
    const flags = ['--ignore-scripts', '--no-audit', '--no-fund', '--prefer-offline'];
    const args = ['install', ...flags, ...packages];
    const { status, stderr } = spawnSync('npm', [...args, '--loglevel=warn'], { cwd: this.folder, encoding: 'utf8' });
    return { status, stderr };
  }

  /** The state after a fresh clone of the project: no lock file, nothing installed. */
  installAnew(): { readonly status: number | null; readonly stderr: string } {
    for (const name of ['node_modules', 'package-lock.json']) rmSync(join(this.folder, name), { recursive: true });
    return this.install();
  }

  tree(): Tree {
    const { stdout } = spawnSync('npm', ['ls', 'better-sqlite3'], { cwd: this.folder, encoding: 'utf8' });
    const lines = stdout.split('\n').filter(line => line.includes('better-sqlite3@1'));
    const copies = lines
      .filter(line => !/deduped|\/adapter-better/.test(line))
      .map(line => /@(1\d+)/.exec(line)?.[1] ?? '');
    return { copies: copies.toSorted(), invalid: stdout.includes('invalid') };
  }
}

const both = [tarball, 'better-sqlite3@13'];

describe('coming from better-sqlite3 11 or 12, after a real npm install', { skip: registrySkip }, () => {
  for (const version of ['11', '12']) {
    test(`an application over ${version}: this package alone is refused by npm, both are installed, and it starts`, t => {
      const app = new Application(t, { 'better-sqlite3': `^${version}.0.0` });
      assert.deepEqual(app.tree().copies, [version]);
      const alone = app.install(tarball);
      assert.equal(alone.status, 1);
      assert.match(alone.stderr, /ERESOLVE[^]*peer better-sqlite3@"\^13\.0\.2" from safe-sqlite/);
      assert.equal(app.install(...both).status, 0);
      assert.deepEqual(app.tree(), { copies: ['13'], invalid: false });
      const script =
        "import Database from 'safe-sqlite'; const db = new Database('app.db'); console.log(db.pragma('journal_mode', { simple: true })); db.close()";
      writeFileSync(join(app.folder, 'app.js'), script);
      assert.equal(node(app.folder, 'app.js'), 'wal\n');
    });
  }

  test('TypeORM asks for 12: an install without a lock file stops, and the entry of the page mends it', t => {
    const app = new Application(t, { 'better-sqlite3': '^12.0.0', typeorm: '1.1.1' });
    const first = app.install(...both);
    assert.equal(first.status, 0);
    assert.match(first.stderr, /ERESOLVE overriding peer dependency/);
    assert.equal(app.tree().invalid, true);
    const anew = app.installAnew();
    assert.equal(anew.status, 1);
    assert.match(anew.stderr, /ERESOLVE/);
    app.write({ ...app.read(), overrides: overrides ?? {} });
    const mended = app.install();
    assert.equal(mended.status, 0, mended.stderr);
    assert.deepEqual(app.tree(), { copies: ['13'], invalid: false });
    writeFileSync(
      join(app.folder, 'app.js'),
      `import 'reflect-metadata'; import { DataSource } from 'typeorm'; import { Database } from 'safe-sqlite';
       const source = new DataSource({ type: 'better-sqlite3', database: 'app.db', driver: Database });
       await source.initialize(); console.log((await source.query('PRAGMA synchronous'))[0].synchronous); await source.destroy();`,
    );
    assert.equal(node(app.folder, 'app.js'), '2\n');
  });

  test('MikroORM and Prisma bring copies of their own: one is left with the entry, and one is loaded with register', t => {
    const app = new Application(t, {
      '@mikro-orm/core': '7.2.1',
      '@mikro-orm/sqlite': '7.2.1',
      '@prisma/adapter-better-sqlite3': '7.10.0',
    });
    assert.equal(app.install(...both).status, 0);
    assert.deepEqual(app.tree().copies, ['12', '13', '13']);
    // Which file of better-sqlite3 each dependency gets, and whether any but ours is loaded.
    writeFileSync(
      join(app.folder, 'which.js'),
      `import { createRequire } from 'node:module'; import { join } from 'node:path';
       const of = name => createRequire(join(process.cwd(), 'node_modules', name, 'package.json'))('better-sqlite3');
       const { Database } = createRequire(import.meta.url)('safe-sqlite');
       console.log(JSON.stringify(['@mikro-orm/sqlite', '@prisma/adapter-better-sqlite3'].map(name => of(name) === Database)));
       const loaded = Object.keys(createRequire(import.meta.url).cache).filter(file => /better-sqlite3.lib.index\\.js$/.test(file));
       console.log(loaded.length);`,
    );
    assert.equal(node(app.folder, '--import', 'safe-sqlite/register', 'which.js'), '[true,true]\n1\n');
    assert.equal(node(app.folder, 'which.js'), '[false,false]\n3\n');
    app.write({ ...app.read(), overrides: overrides ?? {} });
    const mended = app.install();
    assert.equal(mended.status, 0, mended.stderr);
    assert.deepEqual(app.tree(), { copies: ['13'], invalid: false });
    assert.equal(node(app.folder, 'which.js'), '[false,false]\n1\n');
    writeFileSync(
      join(app.folder, 'app.js'),
      `import { PrismaBetterSqlite3 } from '@prisma/adapter-better-sqlite3';
       const adapter = await new PrismaBetterSqlite3({ url: 'file:./prisma.db' }).connect();
       console.log((await adapter.queryRaw({ sql: 'PRAGMA synchronous', args: [], argTypes: [] })).rows[0][0]); await adapter.dispose();`,
    );
    assert.equal(node(app.folder, '--import', 'safe-sqlite/register', 'app.js'), '2\n');
  });
});
