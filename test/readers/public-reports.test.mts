/**
 * Tries on `db.reader` the slow queries that people report: a service that answers nothing while SQLite works.
 *
 * - https://github.com/WiseLibs/better-sqlite3/issues/568 and 707, https://github.com/nodejs/node/issues/62227: no
 *   query can be stopped
 * - https://github.com/TryGhost/node-sqlite3/issues/97: a page of many rows stops all other pages
 * - https://github.com/markmhendrickson/neotoma/issues/2280: `/health` waits for the queries of others
 * - https://github.com/OP-Engineering/op-sqlite/issues/406: all later calls pile up behind a query that hangs
 * - https://github.com/oven-sh/bun/issues/31014: a result that is consumed in part cannot be left, and a kill leaves a
 *   WAL to recover
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { existsSync } from 'node:fs';
import { describe, test, type TestContext } from 'node:test';
import Native from 'better-sqlite3';
import { QueryTimeoutError, type Database } from 'safe-sqlite';
import { until } from '../support/until.mts';
import { createBench, endless, untilRunning } from './fixture.mts';

/** Serves routes; returns what asks for one. */
async function serve(
  t: TestContext,
  routes: Readonly<Record<string, (write: (text: string) => boolean) => unknown>>,
): Promise<(path: string) => Promise<string>> {
  const server = createServer((request, response) => {
    const answer = async (): Promise<unknown> => routes[request.url ?? '']?.(text => response.write(text));
    answer().then(
      text => response.end(String(text)),
      (error: Error) => response.writeHead(503).end(error.name),
    );
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => (server.closeAllConnections(), server.close()));
  const { port } = server.address() as AddressInfo;
  return async path => (await fetch(`http://127.0.0.1:${port}${path}`)).text();
}

const million = 'WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c LIMIT 1000000) SELECT count(*) FROM c';

test('a report: every other page waits for it in place, and none waits for a reader', async t => {
  using bench = createBench({ readers: { max: 1 } });
  const native = new Native(bench.file, { readonly: true });
  let reported = false;
  const routes: Record<string, () => unknown> = {
    '/health': () => `reported: ${reported}`,
    '/reader': async () => (await bench.db.reader.get(million), (reported = true)),
  };
  const ask = await serve(t, routes);
  await bench.db.reader.get('SELECT 1');
  let turns = 0;
  const timer = setInterval(() => (turns += 1), 1);
  let turnsInPlace = -1;
  routes['/in-place'] = () => {
    const before = turns;
    native.prepare(million).get();
    turnsInPlace = turns - before;
  };
  await ask('/in-place');
  clearInterval(timer);
  assert.equal(turnsInPlace, 0, 'no turn of the event loop, so no other page');
  const report = ask('/reader');
  await untilRunning(bench.db);
  assert.equal(await ask('/health'), 'reported: false', 'answered while the report runs');
  assert.equal(await report, 'true');
  native.close();
});

test('a page of many rows: others are answered between its rows', async t => {
  using bench = createBench({ readers: { max: 1 } });
  let rows = 0;
  const ask = await serve(t, {
    '/': () => rows,
    '/rows': async write => {
      for await (const id of bench.db.reader.iterate('SELECT a.id FROM t a, t b LIMIT 20000', [], {
        rows: 'first-column',
      })) {
        rows += 1;
        write(`${String(id)}\n`);
      }
      return 'end';
    },
  });
  const page = ask('/rows');
  await until(() => rows > 0, 'the first row');
  const seen = Number(await ask('/'));
  assert.ok(seen > 0 && seen < 20_000, `${seen} rows were sent`);
  assert.equal((await page).split('\n').length, 20_001);
});

describe('a query that hangs', () => {
  async function hang(db: Database): Promise<void> {
    // The limit counts from the call: the process is started before.
    await db.reader.get('SELECT 1');
    const hung = assert.rejects(db.reader.all(endless, [], { timeoutMs: 400 }), QueryTimeoutError);
    await untilRunning(db);
    const later = [1, 2, 3].map(value => db.reader.get('SELECT ? AS a', [value], { timeoutMs: 60_000 }));
    await Promise.all([1, 2, 3].map(() => db.write(() => db.exec('DELETE FROM t WHERE id = 1'))));
    await hung;
    assert.deepEqual(await Promise.all(later), [{ a: 1 }, { a: 2 }, { a: 3 }]);
  }

  test('writes go on meanwhile, and the reads behind it run after its limit', async () => {
    using bench = createBench({ readers: { max: 1 } });
    await hang(bench.db);
    const { counts, killed, lost } = bench.db.health().readers;
    assert.deepEqual([counts.timeout, counts.done, killed, lost], [1, 4, 1, 0]);
  });

  test('its kill leaves nothing to recover: the WAL is copied and gone with close()', async () => {
    using bench = createBench({ readers: { max: 1 } });
    await hang(bench.db);
    const rows = bench.db.reader.iterate('SELECT a.id FROM t a, t b, t c', [], { rows: 'first-column' });
    assert.equal((await rows.next()).value, 2);
    await rows.return();
    assert.equal((await bench.db.checkpoint('truncate')).complete, true);
    assert.equal((await bench.db.verify('full')).ok, true);
    bench.db.close();
    assert.equal(existsSync(`${bench.file}-wal`), false);
    const native = new Native(bench.file, { readonly: true });
    assert.equal(native.prepare('SELECT count(*) FROM t').pluck().get(), 999);
    native.close();
  });
});
