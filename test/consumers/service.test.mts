/** Runs a usual Express service, and a usual test suite, over better-sqlite3 and with nothing changed but its import. */
import assert from 'node:assert/strict';
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, describe, test, type TestContext } from 'node:test';
import Native from 'better-sqlite3';
import { install } from '../../scripts/pack.mjs';
import { freePort } from './environment.mts';
import { programFolder, tarball } from './program.mts';

type Library = 'better-sqlite3' | 'safe-sqlite';

/** The application in a folder of its own, with its import of better-sqlite3 changed to `library`. */
function applicationOver(library: Library, t: TestContext): string {
  const folder = programFolder(t, 'service');
  install(tarball, folder, ['express']);
  for (const name of ['app.mjs', 'suite.mjs']) {
    const before = readFileSync(join(folder, name), 'utf8');
    const swapped = before.replace("import Database from 'better-sqlite3';", `import Database from '${library}';`);
    writeFileSync(join(folder, name), swapped);
    assert.equal(swapped.split(`'${library}'`).length, 2, 'one import');
  }
  return folder;
}

const started: ChildProcess[] = [];
after(() => {
  for (const child of started) child.kill('SIGKILL');
});

interface Service {
  readonly child: ChildProcess;
  readonly base: string;
  readonly log: () => string;
}

async function start(folder: string, workers: number): Promise<Service> {
  const port = await freePort();
  const child = spawn(process.execPath, ['app.mjs'], {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      ...process.env,
      PORT: String(port),
      NODE_ENV: 'production',
      ...(workers > 1 ? { WORKERS: String(workers) } : {}),
    },
  });
  started.push(child);
  let log = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (log += text));
  let listening = 0;
  await new Promise<void>((resolve, reject) => {
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      listening += text.split('\n').length - 1;
      if (listening >= workers) resolve();
    });
    child.once('exit', () => reject(new Error(`it did not start: ${log}`)));
  });
  return { child, base: `http://127.0.0.1:${port}`, log: () => log };
}

async function orders({ base }: Service, count: number, from = 0): Promise<void> {
  const statuses = await Promise.all(
    Array.from({ length: count }, async (_, index) => {
      const body = JSON.stringify({ name: `customer ${(from + index) % 3}`, cents: from + index + 1 });
      const response = await fetch(`${base}/orders`, {
        method: 'POST',
        body,
        headers: { 'content-type': 'application/json' },
      });
      await response.arrayBuffer();
      return response.status;
    }),
  );
  assert.deepEqual(new Set(statuses), new Set([201]));
}

async function stop({ child, log }: Service): Promise<void> {
  child.kill('SIGTERM');
  const [code] = (await once(child, 'exit')) as [number | null];
  assert.equal(code, 0, log());
}

function countIn(file: string): number {
  const db = new Native(file, { readonly: true });
  try {
    assert.equal(db.pragma('integrity_check', { simple: true }), 'ok');
    return db.prepare('SELECT count(*) FROM orders').pluck().get() as number;
  } finally {
    db.close();
  }
}

async function json(response: Promise<Response>): Promise<unknown> {
  return (await response).json();
}

async function night({ base }: Service, number: number): Promise<unknown> {
  const response = await fetch(`${base}/night?night=${number}`, { method: 'POST' });
  assert.equal(response.status, 200, await response.clone().text());
  return response.json();
}

for (const library of ['better-sqlite3', 'safe-sqlite'] as const) {
  describe(`a service over ${library}`, () => {
    for (const workers of [1, 2]) {
      test(`${workers === 1 ? 'one process' : 'a cluster of two'}: two nights, downloads, SIGTERM`, async t => {
        const folder = applicationOver(library, t);
        const service = await start(folder, workers);
        await orders(service, 30);
        const bad = await fetch(`${service.base}/orders`, {
          method: 'POST',
          body: JSON.stringify({ name: 'customer 1', cents: -5 }),
          headers: { 'content-type': 'application/json' },
        });
        assert.deepEqual([bad.status, await bad.json()], [422, { code: 'SQLITE_CONSTRAINT_CHECK' }]);

        assert.deepEqual(await night(service, 1), { pages: true, size: true });
        assert.equal(countIn(join(folder, 'backup.db')), 30);
        await orders(service, 20, 30);
        // The second night finds the backup of the first at its name.
        assert.deepEqual(await night(service, 2), { pages: true, size: true });
        assert.equal(countIn(join(folder, 'backup.db')), 50);
        assert.equal(countIn(join(folder, 'archive-1.db')), 30);
        assert.equal(countIn(join(folder, 'archive-2.db')), 50);

        const download = await fetch(`${service.base}/download?file=backup.db`);
        assert.equal(download.status, 200);
        writeFileSync(join(folder, 'downloaded.db'), Buffer.from(await download.arrayBuffer()));
        assert.equal(countIn(join(folder, 'downloaded.db')), 50);

        // better-sqlite3 sends a file without its -wal, and loses its locks. Ours lets this call fail, and nothing else.
        const live = await fetch(`${service.base}/download?file=app.db`);
        await live.arrayBuffer();
        assert.equal(live.status, library === 'better-sqlite3' ? 200 : 500);

        await orders(service, 10, 50);
        assert.equal(((await json(fetch(`${service.base}/orders`))) as { orders: number }).orders, 60);
        await stop(service);
        if (library === 'safe-sqlite') {
          assert.match(service.log(), /SqliteCopyConflictError: .*app\.db open.*`db\.backup\(destination\)`/);
          const left = readdirSync(folder).filter(name => name.startsWith('app.db'));
          assert.deepEqual(left, ['app.db'], 'no -wal, nothing rescued, no marker');
          const warned = service.log().match(/"code":"weaker-pragma-kept"/g)?.length ?? 0;
          assert.equal(warned, 2 * workers, 'one warning for each pragma and process');
        }
        assert.equal(countIn(join(folder, 'app.db')), 60);
      });
    }

    for (const how of ['rm', 'unlink']) {
      test(`a test suite that deletes its database between tests without closing it, by ${how}`, t => {
        const folder = applicationOver(library, t);
        const done = spawnSync(process.execPath, ['--test', '--test-reporter=tap', 'suite.mjs'], {
          cwd: folder,
          encoding: 'utf8',
          env: { ...process.env, NODE_TEST_CONTEXT: undefined, HOW: how },
        });
        assert.equal(done.status, 0, done.stdout + done.stderr);
        assert.match(done.stdout, /# pass 12/);
        assert.ok(existsSync(join(folder, 'test.db')));
      });
    }
  });
}
