/** Tests a process that cannot load the programs of threads and processes, as in Jest after the tests of a file have ended. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { root } from '../../scripts/pack.mjs';

const names = ['doctor', 'reader', 'worker'];

/** Runs `body` beside an open database, on which it may call `show`. */
function run(
  t: { after(remove: () => void): void },
  body: string,
): { status: number | null; said: unknown[]; wal: boolean } {
  const folder = mkdtempSync(join(tmpdir(), 'safe-sqlite-unloadable-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const program = `
    const at = name => require('node:path').join(${JSON.stringify(folder)}, name);
    let loads = 0;
    /** From now on the programs cannot be loaded. */
    const tearDown = () => {
      for (const name of ${JSON.stringify(names)}) {
        const id = require.resolve(${JSON.stringify(root)} + '/dist/programs/' + name + '.js');
        const exports = { get text() { loads += 1; throw new Error('torn down'); } };
        require.cache[id] = { id, filename: id, loaded: true, exports, children: [], paths: [] };
      }
    };
    const { openDatabase, diagnose, verifyDatabase } = require(${JSON.stringify(root)});
    const show = value => console.log(JSON.stringify(value));
    const children = () => process.getActiveResourcesInfo().filter(name => name === 'ProcessWrap').length;
    (async () => { ${body} })();`;
  const { status, stdout, stderr } = spawnSync(process.execPath, ['-e', program], {
    encoding: 'utf8',
    timeout: 60_000,
    killSignal: 'SIGKILL',
  });
  assert.equal(stderr, '');
  const said = stdout
    .trim()
    .split('\n')
    .map(line => JSON.parse(line) as unknown);
  return { status, said, wal: existsSync(join(folder, 'a.db-wal')) };
}

test('each service rejects, no process is left behind, and the database closes', t => {
  const { status, said, wal } = run(
    t,
    `tearDown();
     const db = openDatabase(at('a.db'), { logger: false });
     db.exec('CREATE TABLE t (x); INSERT INTO t VALUES (1)');
     const failed = async call => {
       const error = await call().then(() => null, error => error);
       show([error.message, error.cause?.message ?? null, children()]);
     };
     await failed(() => diagnose(at('a.db')));
     await failed(() => verifyDatabase(at('a.db')));
     await failed(() => db.reader.get('SELECT 1'));
     await failed(() => db.checkpoint());
     await failed(() => db.backup(at('b.db')));
     show(await db.write(() => db.prepare('INSERT INTO t VALUES (2)').run().changes));
     db.close();`,
  );
  assert.equal(status, 0);
  const written = said.pop();
  assert.equal(written, 1);
  for (const [message, cause, children] of said as [string, string | null, number][]) {
    assert.match(`${message} ${cause}`, /torn down/);
    assert.equal(children, 0, message);
  }
  assert.equal(said.length, 5);
  assert.equal(wal, false);
});

test('checkpoints load theirs when the database is opened, and threads that start later need no other', t => {
  const { status, said } = run(
    t,
    `const db = openDatabase(at('a.db'), { logger: false });
     tearDown();
     db.exec('CREATE TABLE t (x); INSERT INTO t VALUES (1)');
     const { complete } = await db.checkpoint();
     db.close();
     show({ complete, loads });`,
  );
  assert.deepEqual([status, said], [0, [{ complete: true, loads: 0 }]]);
});
