// The status page behind Express and Fastify, as docs/express.md has it, over real HTTP; examples/nest has it behind NestJS.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import express from 'express';
import fastify from 'fastify';
import { openDatabase, type Database } from 'safe-sqlite';
import { statusPage, statusRoute } from 'safe-sqlite/express';
import { acceptedGround } from '../support/accepted-ground.mts';

function database(t: TestContext): Database {
  const folder = mkdtempSync(join(tmpdir(), 'status-'));
  const db = openDatabase(join(folder, 'app.db'), { logger: false, dangerously: acceptedGround });
  t.after(() => {
    if (db.open) db.close();
    rmSync(folder, { recursive: true, force: true });
  });
  return db;
}

/** 200 with the page while it serves, 503 once it is closed; the policy and the type come along. */
async function check(url: string, db: Database): Promise<void> {
  const response = await fetch(url);
  assert.equal(response.status, 200);
  assert.match(response.headers.get('content-type') ?? '', /^text\/html/);
  assert.match(response.headers.get('content-security-policy') ?? '', /^default-src 'none'/);
  assert.match(await response.text(), /<h1>All is well<\/h1>/);
  db.close();
  assert.equal((await fetch(url)).status, 503);
}

describe('the status page', () => {
  test('Express', async t => {
    const db = database(t);
    const app = express();
    app.get('/status', statusRoute(db));
    const server = app.listen(0, '127.0.0.1');
    await new Promise(resolve => server.once('listening', resolve));
    t.after(() => server.close());
    await check(`http://127.0.0.1:${(server.address() as AddressInfo).port}/status`, db);
  });

  test('Fastify', async t => {
    const db = database(t);
    const page = statusPage(db);
    const app = fastify();
    app.get('/status', (_request, reply) => {
      const { status, headers, body } = page();
      return reply.code(status).headers(headers).send(body);
    });
    t.after(() => app.close());
    await check(`${await app.listen({ port: 0, host: '127.0.0.1' })}/status`, db);
  });
});
