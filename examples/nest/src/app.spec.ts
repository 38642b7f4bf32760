import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { INestApplication } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { Database, openDatabase } from 'safe-sqlite';
import { getDatabaseToken } from 'safe-sqlite/nest';
import { AppModule } from './app.module.js';
import { Notes } from './notes.service.js';
import { Settings } from './settings.module.js';

describe('a Nest 12 application under Vitest', () => {
  const folder = mkdtempSync(join(tmpdir(), 'nest-example-'));
  let app: INestApplication;
  let url: string;

  beforeAll(async () => {
    const testing = Test.createTestingModule({ imports: [AppModule] });
    const compiled = await testing.overrideProvider(Settings).useValue(new Settings(folder)).compile();
    app = compiled.createNestApplication();
    await app.listen(0, '127.0.0.1');
    url = await app.getUrl();
  });

  afterAll(() => rmSync(folder, { recursive: true }));

  it('writes and reads through two databases', async () => {
    const add = () =>
      fetch(`${url}/notes`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ text: 'one' }),
      });
    expect(await (await add()).json()).toEqual({ id: 1 });
    expect((await add()).status).toBe(409);
    expect(await (await fetch(`${url}/notes`)).json()).toEqual([{ id: 1, text: 'one' }]);
    expect(await (await fetch(`${url}/report`)).json()).toEqual({ notes: 1, longest: 3 });
    const exported = await fetch(`${url}/export`);
    expect(exported.headers.get('content-type')).toBe('application/x-ndjson');
    expect(await exported.text()).toBe('{"id":1,"text":"one"}\n');
    expect(app.get(getDatabaseToken())).toBeInstanceOf(Database);
    expect(app.get<Database>(getDatabaseToken('audit')).prepare('SELECT text FROM lines').pluck().get()).toBe(
      'added 1',
    );
  });

  it('ends an export whose client has left', async () => {
    const db = app.get<Database>(getDatabaseToken());
    await db.write(() => {
      const insert = db.prepare('INSERT INTO notes (text) VALUES (?)');
      for (let index = 0; index < 2000; index += 1) insert.run(`${index} ${'x'.repeat(2000)}`);
    });
    const leave = new AbortController();
    const left = await fetch(`${url}/export`, { signal: leave.signal });
    await left.body?.getReader().read();
    expect(db.health().readers.busy).toBe(1);
    leave.abort();
    await vi.waitUntil(() => db.health().readers.busy === 0, { timeout: 30_000 });
  });

  it('shows the status page', async () => {
    const page = await fetch(`${url}/status`);
    expect([200, 503]).toContain(page.status);
    expect(page.headers.get('content-security-policy')).toMatch(/^default-src 'none'/);
    expect(await page.text()).toContain('<figcaption>Commits');
  });

  it('tells Terminus', async () => {
    const up = await fetch(`${url}/health`);
    expect(up.status).toBe(200);
    const { status, info } = await up.json();
    expect(status).toBe('ok');
    expect(info.database).toMatchObject({ status: 'up' });
    expect(info.audit).toMatchObject({ status: 'up' });
    app.get<Database>(getDatabaseToken('audit')).close();
    const down = await fetch(`${url}/health`);
    expect(down.status).toBe(503);
    expect((await down.json()).error).toEqual({
      audit: { status: 'down', state: 'closed', reasons: ['the database is closed'] },
    });
  });

  it('closes with the application', async () => {
    const db = app.get<Database>(getDatabaseToken());
    await app.close();
    expect(db.open).toBe(false);
    expect(existsSync(join(folder, 'app.db-wal'))).toBe(false);
  });

  it('takes another database in a test', async () => {
    const memory = openDatabase(':memory:');
    const testing = Test.createTestingModule({ imports: [AppModule] });
    const other = await testing
      .overrideProvider(getDatabaseToken())
      .useValue(memory)
      .overrideProvider(getDatabaseToken('audit'))
      .useValue(memory)
      .compile();
    await other.get(Notes).add('in memory');
    expect(memory.prepare('SELECT text FROM notes').pluck().get()).toBe('in memory');
    await other.close();
    expect(memory.open).toBe(false);
  });
});
