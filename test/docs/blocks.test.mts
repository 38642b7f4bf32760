import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, delimiter, dirname, join } from 'node:path';
import { after, describe, test } from 'node:test';
import { root } from '../../scripts/pack.mjs';
import { pages, readPage } from '../contract/page.mts';
import { blocksIn, programFolder, type Block } from './page.mts';

/** Describes the use of one code block. The blocks of a page are run one after the other in one folder. */
type Treatment =
  /** It runs: `before` is what its surroundings have already, `behind` asks it something and ends it. */
  | { readonly before?: string; readonly behind?: string }
  /** A test of its own runs it. */
  | { readonly by: string }
  /** Why nothing runs it. */
  | { readonly not: string };

const asItStands = {};
const by = (path: string): Treatment => ({ by: `test/${path}` });
const times = (count: number, treatment: Treatment): Treatment[] => Array.from({ length: count }, () => treatment);

const database = `
  import assert from 'node:assert';
  import { Database, openDatabase, restoreDatabase } from 'safe-sqlite';
  const db = openDatabase('app.db');
  db.exec('CREATE TABLE IF NOT EXISTS t (a)');`;
const sales = `${database}
  db.exec("CREATE TABLE IF NOT EXISTS sales (day, amount); INSERT INTO sales VALUES ('2026-02-01', 3)");
  db.exec("DELETE FROM sales WHERE rowid > 1");`;
/** Behind a server that listens by the name of `server`: asks it for `path` until it answers. */
const ask = (path: string, expected: string): string => `
  if (!server.listening) await new Promise(resolve => server.once('listening', resolve));
  const answer = await (await fetch('http://127.0.0.1:' + server.address().port + '${path}')).text();
  if (!answer.includes('${expected}')) throw new Error(answer);
  server.close();`;

const treatments: Readonly<Record<string, readonly Treatment[]>> = {
  'README.md': [
    ...times(9, by('consumers/first-minutes.test.mts')),
    { not: 'the commands of this project itself, which .ci/run runs' },
  ],
  'ARCHITECTURE.md': [{ not: 'a picture of the objects' }],
  'CONTRIBUTING.md': [{ not: 'the commands of this project itself, which .ci/run runs' }],
  'docs/backups.md': [
    { before: database, behind: `assert.equal(result.verified, 'quick'); db.close();` },
    {
      before: `import { openDatabase } from 'safe-sqlite'; import { once } from 'node:events';`,
      behind: `await once(db.events, 'backup'); db.close();`,
    },
    { before: `import { restoreDatabase } from 'safe-sqlite';`, behind: `if (kept.length !== 1) throw kept;` },
    { before: `${database} const migrate = db => db.exec('CREATE TABLE migrated (a)');`, behind: 'db.close();' },
    {
      // What these two call is shown by test/backup/snapshot.test.mts with the statements that they run.
      before: `${database} const migrationsFolder = ''; const drizzle = () => 0; const migrate = async () => db.exec('CREATE TABLE a (x)');
        const knex = { migrate: { latest: async () => db.exec('CREATE TABLE b (x)') } };`,
      behind: 'db.close();',
    },
  ],
  'docs/bundlers.md': [
    ...times(8, by('consumers/bundlers.test.mts')),
    ...times(4, by('consumers/frameworks.test.mts')),
    by('consumers/installs.test.mts'),
  ],
  'docs/checkpoints.md': [
    { before: `${database} const log = console;`, behind: 'assert.equal(complete, true); db.close();' },
  ],
  'docs/deployment.md': [
    { behind: `${ask('/ready', 'status')} await db[Symbol.asyncDispose]();` },
    ...times(4, by('consumers/deployment.test.mts')),
  ],
  'docs/doctor.md': times(2, by('docs/doctor.test.mts')),
  'docs/errors.md': [
    {
      before: `
        const express = require('express');
        const db = require('safe-sqlite').openDatabase('app.db');
        db.exec('CREATE TABLE users (email UNIQUE)');
        const insertUser = db.prepare('INSERT INTO users VALUES (@email)');
        const app = express().use(express.json());`,
      behind: `
        const server = app.listen(0, async () => {
          const headers = { 'content-type': 'application/json' };
          const post = () => fetch('http://127.0.0.1:' + server.address().port + '/users', { method: 'POST', headers, body: '{"email":"a"}' });
          const statuses = [(await post()).status, (await post()).status];
          if (statuses.join() !== '201,409') throw new Error(statuses.join());
          server.close();
          db.close();
        });`,
    },
    { not: 'the tree of the classes, written from the tables by scripts/errors-page.mjs' },
  ],
  'docs/express.md': [
    by('docs/express.test.mts'),
    {
      before: `process.env.STATUS_LOGIN = 'Basic x';`,
      behind: `
        if (!server.listening) await new Promise(resolve => server.once('listening', resolve));
        const of = headers => fetch('http://127.0.0.1:' + server.address().port, { headers });
        if ((await of({})).status !== 401) throw new Error('open to everybody');
        const page = await (await of({ authorization: 'Basic x' })).text();
        if (!page.includes('<h2>Writes</h2>')) throw new Error(page);
        server.close(); server.closeAllConnections(); db.close();`,
    },
    by('docs/express.test.mts'),
  ],
  'docs/fencing.md': [
    {
      before: `
        node -e 'new (require("safe-sqlite"))("data/app.db").close()'
        echo '{ "code": "SQLITE_IOERR_FSYNC", "operation": "commit", "message": "disk I/O error" }' > data/app.db-fenced
        set +e # 3: only warnings, for example of a machine whose disk has no journal`,
      behind: 'test ! -e data/app.db-fenced',
    },
  ],
  'docs/filesystems.md': [{ before: `import { Database } from 'safe-sqlite'; const db =`, behind: 'db.close();' }],
  'docs/getting-started.md': [
    by('consumers/first-minutes.test.mts'),
    ...times(6, asItStands),
    { before: 'rm -f copy.db' },
  ],
  'docs/journal-modes.md': times(2, asItStands),
  'docs/metrics.md': [
    asItStands,
    { behind: ask('/', 'safe_sqlite_up{database="audit"} 1') },
    by('consumers/opentelemetry.test.mts'),
  ],
  'docs/coming-from-12.md': times(5, by('consumers/coming-from-12.test.mts')),
  'docs/migrating.md': [{ not: 'a change of one line, made in the program below it' }, asItStands],
  'docs/nest.md': times(7, by('consumers/nest.test.mts')),
  'docs/orms.md': [
    ...times(3, by('consumers/orms.test.mts')),
    { not: 'a part of a package.json; test/consumers/apps/orms/package.json has it' },
    ...times(4, by('consumers/orms.test.mts')),
  ],
  'docs/pragmas.md': [{ before: '', behind: 'db.close();' }],
  'docs/reader.md': [
    { before: sales, behind: `assert.deepEqual(top, [{ day: '2026-02-01', amount: 3 }]); db.close();` },
    { before: sales, behind: `assert.deepEqual(report.count, { n: report.rows.length }); db.close();` },
    { before: sales, behind: `assert.ok(lines > 0); db.close();` },
    { not: 'a module that test/readers/setup.test.mts has' },
  ],
  'docs/reference.md': blocksIn(readPage('docs/reference.md')).map(() => by('contract/reference-page.test.mts')),
  'docs/register.md': times(5, by('docs/register.test.mts')),
  'docs/replication.md': times(2, by('docs/replication.test.mts')),
  'docs/testing.md': times(2, asItStands),
  'docs/typescript.md': times(2, asItStands),
  'docs/upgrading.md': [
    {
      before: `node -e 'new (require("safe-sqlite"))("app.db").exec("CREATE TABLE IF NOT EXISTS t (a)").close()'; set +e`,
    },
  ],
  'docs/write-queue.md': [
    {
      before: `${database}
        const order = { id: 1, total: 100, item: 'book' };
        db.exec('CREATE TABLE orders (id, total); CREATE TABLE stock (item, number)');
        const insertOrder = db.prepare('INSERT INTO orders VALUES (?, ?)');
        const decreaseStock = db.prepare('UPDATE stock SET number = number - 1 WHERE item = ?');`,
      behind: `assert.equal(db.health().writes.committed, 1); db.close();`,
    },
  ],
  'examples/nest/README.md': [
    { not: 'test/consumers/nest.test.mts installs this application from the tarball and runs it' },
  ],
  'examples/litestream/README.md': [
    { not: 'test/consumers/litestream.test.mts starts the same programs with the same files, without npx' },
  ],
};

/** Folders of the examples that stand below the folder of the run. */
const folders = ['backups', 'data', 'mnt/nas'];

function run(
  folder: string,
  { language, text }: Block,
  { before = '', behind = '' }: { before?: string; behind?: string },
) {
  const program = `${before}\n${text}\n${behind}\n`.replaceAll(/(?<=['\s])\/(backups|data|mnt\/nas)\b/g, './$1');
  const common = {
    cwd: folder,
    encoding: 'utf8',
    env: { ...process.env, PATH: `${dirname(process.execPath)}${delimiter}${process.env['PATH'] ?? ''}`, PORT: '0' },
  } as const;
  if (language === 'sh') return spawnSync('sh', ['-e', '-c', program], common);
  const name = language === 'ts' ? 'app.mts' : /\brequire\(/.test(program) ? 'app.cjs' : 'app.mjs';
  writeFileSync(join(folder, name), program);
  return spawnSync(process.execPath, ['--throw-deprecation', name], common);
}

const withBlocks = pages.filter(page => blocksIn(readPage(page)).length > 0);

test('every page with code says here what becomes of each block', () => {
  const counts = (of: (page: string) => number, names: readonly string[]): Record<string, number> =>
    Object.fromEntries(names.map(name => [name, of(name)]));
  assert.deepEqual(
    counts(page => treatments[page]?.length ?? 0, withBlocks),
    counts(page => blocksIn(readPage(page)).length, withBlocks),
  );
  assert.deepEqual(Object.keys(treatments).toSorted(), withBlocks);
});

for (const page of withBlocks) {
  describe(page, () => {
    const folder = programFolder({ after: fn => after(fn) }, {}, ['express']);
    for (const name of folders) mkdirSync(join(folder, name), { recursive: true });
    mkdirSync(join(folder, 'node_modules/.bin'));
    // As npm makes it of `bin`.
    const command = `#!/bin/sh\nexec '${process.execPath}' '${join(root, 'dist/cli/bin.js')}' "$@"\n`;
    writeFileSync(join(folder, 'node_modules/.bin/safe-sqlite'), command, { mode: 0o755 });
    for (const [index, block] of blocksIn(readPage(page)).entries()) {
      const treatment = treatments[page]?.[index] ?? { not: 'nobody said' };
      const title = `block ${index + 1}: ${block.text.trim().split('\n')[0] ?? ''}`;
      if ('not' in treatment) continue;
      if ('by' in treatment) {
        test(`${title}, by ${treatment.by}`, () => {
          assert.ok(existsSync(join(root, treatment.by)), treatment.by);
          assert.ok(readFileSync(join(root, treatment.by), 'utf8').includes(basename(page)));
        });
        continue;
      }
      test(title, { skip: block.language === 'sh' && process.platform === 'win32' && 'POSIX shell' }, () => {
        const { status, stderr } = run(folder, block, treatment);
        assert.equal(status, 0, stderr);
      });
    }
  });
}
