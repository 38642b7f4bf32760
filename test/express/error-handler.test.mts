import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import express, { type ErrorRequestHandler, type RequestHandler } from 'express';
import { Database, FencedDatabaseError, openDatabase, WriteQueueFullError } from 'safe-sqlite';
import { answerForHealth, healthRoute, sqliteErrorHandler } from 'safe-sqlite/express';

describe('sqliteErrorHandler in Express', () => {
  const folder = mkdtempSync(join(tmpdir(), 'express-errors-'));
  const file = join(folder, 'app.db');
  const passedOn: unknown[] = [];
  let base = '';
  let db: Database;
  let close: () => Promise<unknown>;

  before(async () => {
    db = openDatabase(file, { timeout: 10, logger: false });
    db.exec('CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT UNIQUE)');
    const insert = db.prepare('INSERT INTO users (email) VALUES (?)');
    const app = express();
    // Else Express prints each error that it answers.
    app.set('env', 'test');
    app.get('/insert/:email', (request, response) => {
      response.json(insert.run(request.params.email));
    });
    app.get('/busy', (_request, response) => {
      const other = new Database(file, { logger: false });
      try {
        other.exec('BEGIN IMMEDIATE');
        response.json(insert.run('busy@example.org'));
      } finally {
        other.close();
      }
    });
    app.get('/full', (_request, response) => {
      db.pragma(`max_page_count = ${String(db.pragma('page_count', { simple: true }))}`);
      try {
        response.json(insert.run('x'.repeat(100_000)));
      } finally {
        db.pragma('max_page_count = 1000000');
      }
    });
    app.get('/prepared', (_request, response) => {
      response.setHeader('content-type', 'text/csv');
      response.setHeader('content-encoding', 'gzip');
      response.setHeader('content-length', '7');
      response.setHeader('etag', '"1"');
      response.setHeader('cache-control', 'public, max-age=60');
      insert.run('prepared@example.org');
      insert.run('prepared@example.org');
    });
    app.get('/begun', (_request, response) => {
      response.write('half');
      insert.run('begun@example.org');
      insert.run('begun@example.org');
    });
    const throws =
      (make: () => unknown): RequestHandler =>
      () => {
        throw make();
      };
    app.get(
      '/queue',
      throws(() => new WriteQueueFullError(`1000 writes wait for ${file}`)),
    );
    app.get(
      '/fenced',
      throws(() => new FencedDatabaseError(`${file} is fenced`)),
    );
    app.get('/syntax', () => void db.prepare('SELEC'));
    app.get('/rejects', async () => {
      await Promise.resolve();
      insert.run('first@example.org');
    });
    app.get('/health', healthRoute(db));
    app.use(sqliteErrorHandler());
    app.use(((error, _request, response, next) => {
      passedOn.push(error);
      if (response.headersSent) next(error);
      else response.status(500).send('the application');
    }) satisfies ErrorRequestHandler);
    const server = app.listen(0, '127.0.0.1');
    await once(server, 'listening');
    base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    close = () => new Promise(resolve => server.close(resolve));
  });

  after(async () => {
    await close();
    db.close();
    rmSync(folder, { recursive: true, force: true });
  });

  async function ask(path: string): Promise<{ status: number; headers: Headers; body: unknown; text: string }> {
    const response = await fetch(base + path);
    const text = await response.text();
    const isJson = response.headers.get('content-type')?.includes('json') === true;
    return { status: response.status, headers: response.headers, body: isJson ? JSON.parse(text) : null, text };
  }

  test('409 for what exists already, thrown or rejected, without SQL, names or values', async () => {
    assert.equal((await ask('/insert/first@example.org')).status, 200);
    for (const path of ['/insert/first@example.org', '/rejects']) {
      const { status, headers, body } = await ask(path);
      assert.equal(status, 409);
      assert.equal(headers.get('retry-after'), null);
      assert.deepEqual(body, {
        error: 'SQLITE_CONSTRAINT_UNIQUE',
        message: 'A record with this key exists already.',
        retryable: false,
      });
    }
  });

  test('503 with Retry-After while another connection writes', async () => {
    const { status, headers, body } = await ask('/busy');
    assert.equal(status, 503);
    assert.equal(headers.get('retry-after'), '1');
    assert.deepEqual(body, { error: 'SQLITE_BUSY', message: 'The database is busy.', retryable: true });
    assert.equal((await ask('/insert/after-busy')).status, 200);
  });

  test('507 when the database may not grow', async () => {
    const { status, body } = await ask('/full');
    assert.equal(status, 507);
    assert.equal((body as { error: string }).error, 'SQLITE_FULL');
    assert.equal((await ask('/insert/after-full')).status, 200);
  });

  test('503 for a full queue, to come back, and for a fenced database, not to', async () => {
    const queue = await ask('/queue');
    assert.equal(queue.status, 503);
    assert.equal(queue.headers.get('retry-after'), '1');
    const fenced = await ask('/fenced');
    assert.equal(fenced.status, 503);
    assert.equal(fenced.headers.get('retry-after'), null);
    for (const { text } of [queue, fenced]) assert.doesNotMatch(text, /app\.db|1000/);
  });

  test('takes back the headers of the body that was not to be', async () => {
    const { status, headers, body } = await ask('/prepared');
    assert.equal(status, 409);
    assert.equal(headers.get('content-type'), 'application/json; charset=utf-8');
    assert.equal(headers.get('content-encoding'), null);
    assert.equal(headers.get('etag'), null);
    assert.equal(headers.get('cache-control'), 'no-store');
    assert.equal((body as { error: string }).error, 'SQLITE_CONSTRAINT_UNIQUE');
  });

  test('passes on other errors, and every error after the first byte', async () => {
    passedOn.length = 0;
    const { status, text } = await ask('/syntax');
    assert.equal(status, 500);
    assert.equal(text, 'the application');
    assert.equal((passedOn[0] as { code: string }).code, 'SQLITE_ERROR');
    await assert.rejects(ask('/begun'), 'Express cuts the connection, so that nobody takes the half for the whole');
    assert.equal((passedOn[1] as { code: string }).code, 'SQLITE_CONSTRAINT_UNIQUE');
  });

  test('healthRoute answers GET and HEAD', async () => {
    const { status, body } = await ask('/health');
    assert.equal(status, 200);
    // Where the tests run can be ground that loses commits: that is degraded.
    assert.match((body as { status: string }).status, /^(ok|degraded)$/);
    assert.deepEqual(Object.keys(body as object).toSorted(), Object.keys(db.health()).toSorted());
    const head = await fetch(`${base}/health`, { method: 'HEAD' });
    assert.equal(head.status, 200);
    assert.equal(await head.text(), '');
    const closed = openDatabase(join(folder, 'closed.db'), { logger: false });
    closed.close();
    assert.deepEqual(answerForHealth(closed).body, { status: 'closed', reasons: ['the database is closed'] });
  });
});

test('retryAfterSeconds is checked', () => {
  for (const wrong of [0, -1, 1.5, Number.NaN, '1']) {
    assert.throws(() => sqliteErrorHandler({ retryAfterSeconds: wrong as number }), RangeError);
  }
  sqliteErrorHandler({ retryAfterSeconds: 30 });
});
