import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, before, describe, test } from 'node:test';
import Database from 'better-sqlite3';

const server = join(import.meta.dirname, '../../examples/express/server.mts');

describe('npm start: the Express service', () => {
  const folder = mkdtempSync(join(tmpdir(), 'express-'));
  const file = join(folder, 'data', 'notes.db');
  let stop: (signal: NodeJS.Signals) => Promise<number | null>;
  let base = '';
  let lines: string[] = [];

  async function start(): Promise<void> {
    lines = [];
    const child = spawn(process.execPath, [server], {
      env: { ...process.env, DATABASE: file, PORT: '0' },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    stop = async signal => {
      child.kill(signal);
      const [code] = (await once(child, 'exit')) as [number | null];
      return code;
    };
    for await (const line of createInterface(child.stdout)) {
      lines.push(line);
      if (line.startsWith('listening')) break;
    }
    base = lines.at(-1)?.split(/\s+/)[1] ?? '';
  }

  const post = (text: unknown): Promise<Response> =>
    fetch(`${base}/notes`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ text }),
    });

  before(start);
  after(() => rmSync(folder, { recursive: true, force: true }));

  test('says where it listens and what was decided', () => {
    const said = lines.join('\n');
    assert.match(said, new RegExp(`database +${file}`));
    assert.match(said, /decided +journal_mode=(wal|delete), synchronous=(full|extra)/);
    assert.match(said, /listening +http:\/\/127\.0\.0\.1:\d+/);
  });

  test('writes, reads, and answers errors of the database', async () => {
    const created = await post('first');
    assert.equal(created.status, 201);
    const note = (await created.json()) as { id: number; text: string };
    assert.equal(note.text, 'first');
    assert.equal((await post('first')).status, 409);
    assert.equal((await post(5)).status, 400);
    assert.deepEqual(await (await fetch(`${base}/notes/${note.id}`)).json(), note);
    assert.equal((await fetch(`${base}/notes/999`)).status, 404);
    assert.equal((await post('second')).status, 201);
    const texts = ((await (await fetch(`${base}/notes`)).json()) as { text: string }[]).map(({ text }) => text);
    assert.deepEqual(texts, ['second', 'first']);
    assert.equal((await fetch(`${base}/notes/${note.id}`, { method: 'DELETE' })).status, 204);
    assert.equal(((await (await fetch(`${base}/plan`)).json()) as { file: string }).file, file);
    const health = await fetch(`${base}/health`);
    assert.equal(health.status, 200);
    assert.equal(((await health.json()) as { status: string }).status, 'ok');
    assert.match(await (await fetch(`${base}/metrics`)).text(), /^safe_sqlite_writes_committed_total\{.*\} 3$/m);
  });

  test('requests that arrive together are all stored', async () => {
    const answers = await Promise.all(Array.from({ length: 50 }, (_, index) => post(`together ${index}`)));
    assert.deepEqual(new Set(answers.map(answer => answer.status)), new Set([201]));
    const listed = (await (await fetch(`${base}/notes?limit=100`)).json()) as { id: number; text: string }[];
    const together = listed.filter(({ text }) => text.startsWith('together'));
    assert.equal(together.length, 50);
    for (const { id } of together) await fetch(`${base}/notes/${id}`, { method: 'DELETE' });
  });

  test('what was answered survives SIGKILL', async () => {
    assert.equal((await post('acknowledged')).status, 201);
    await stop('SIGKILL');
    const db = new Database(file, { readonly: true });
    const texts = db.prepare('SELECT text FROM notes ORDER BY id').pluck().all();
    db.close();
    assert.deepEqual(texts, ['second', 'acknowledged']);
    await start();
    assert.equal(((await (await fetch(`${base}/notes`)).json()) as unknown[]).length, 2);
  });

  test('closes the database at a signal, and leaves no WAL', async () => {
    assert.equal(await stop('SIGTERM'), 0);
    assert.equal(existsSync(file), true);
    assert.equal(existsSync(`${file}-wal`), false);
  });
});
