import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, before, describe, test } from 'node:test';
import Database from 'better-sqlite3';
import { verifyDatabase } from 'safe-sqlite';
import { until } from '../support/until.mts';

const server = join(import.meta.dirname, '../../examples/express/server.mts');

describe('npm start: the Express service', () => {
  const folder = mkdtempSync(join(tmpdir(), 'express-'));
  const file = join(folder, 'data', 'notes.db');
  let signal: (name: NodeJS.Signals) => void;
  let stop: (name: NodeJS.Signals) => Promise<number | null>;
  let said: (word: string) => Promise<void>;
  let base = '';
  let lines: string[] = [];

  async function start(): Promise<void> {
    lines = [];
    const child = spawn(process.execPath, [server], {
      env: { ...process.env, DATABASE: file, PORT: '0' },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    signal = name => child.kill(name);
    stop = async name => {
      const exit = once(child, 'exit');
      signal(name);
      const [code] = (await exit) as [number | null];
      return code;
    };
    const output = createInterface(child.stdout)[Symbol.asyncIterator]();
    said = async word => {
      for (let line = await output.next(); line.done !== true; line = await output.next()) {
        lines.push(line.value);
        if (line.value.startsWith(word)) return;
      }
    };
    await said('listening');
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
    // The machine that tests run on may have a disk without a journal.
    assert.match(((await health.json()) as { status: string }).status, /^(?:ok|degraded)$/);
    assert.match(await (await fetch(`${base}/metrics`)).text(), /^safe_sqlite_writes_committed_total\{.*\} 3$/m);
  });

  test('shows its state on a page', async () => {
    const response = await fetch(`${base}/status`);
    assert.match(response.headers.get('content-type') ?? '', /^text\/html/);
    const page = await response.text();
    assert.match(page, /<header class="(?:ok|degraded)">\s*<h1>(?:All is well|It works)/);
    assert.match(page, /<dt>Committed by db.write<\/dt>\s*<dd>3 in \d commits<\/dd>/);
    for (const title of ['WAL', 'Backups']) assert.ok(page.includes(`<h2>${title}</h2>`), title);
    assert.match(page, />Decided at open</);
    assert.ok(page.includes('synchronous=FULL'));
  });

  test('has a form and the list of notes, which are escaped', async () => {
    const send = (text: string): Promise<Response> =>
      fetch(`${base}/`, { method: 'POST', body: new URLSearchParams({ text }), redirect: 'manual' });
    const stored = await send('<b>bold & "quoted"</b>');
    assert.deepEqual([stored.status, stored.headers.get('location')], [303, '/']);
    const page = await (await fetch(`${base}/`)).text();
    assert.match(page, /<form method="post"/);
    assert.ok(page.includes('&lt;b&gt;bold &amp; &quot;quoted&quot;&lt;/b&gt;') && !page.includes('<b>bold'), page);
    const twice = await send('<b>bold & "quoted"</b>');
    assert.equal(twice.status, 409);
    assert.match(await twice.text(), /role="status">A record with this key exists already/);
    assert.equal((await send('')).status, 400);
    const [note] = (await (await fetch(`${base}/notes`)).json()) as { id: number }[];
    assert.equal((await fetch(`${base}/notes/${note?.id}`, { method: 'DELETE' })).status, 204);
  });

  test('a port that is taken is named, with the way to choose another one', async () => {
    const { port } = new URL(base);
    const second = spawn(process.execPath, [server], {
      env: { ...process.env, DATABASE: join(folder, 'second.db'), PORT: port },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let err = '';
    second.stderr.on('data', (data: Buffer) => (err += data.toString()));
    const [code] = (await once(second, 'close')) as [number];
    assert.equal(code, 1);
    assert.match(err, new RegExp(`Port ${port} is taken\\. Choose another one: PORT=${Number(port) + 1} npm start`));
  });

  test('makes a backup as soon as there is none', async () => {
    interface Backups {
      readonly backups: { readonly lastBackup: { readonly path: string } | null };
    }
    const last = async () => ((await (await fetch(`${base}/health`)).json()) as Backups).backups.lastBackup;
    await until(async () => (await last()) !== null, 'the backup is made');
    const path = (await last())?.path ?? '';
    assert.equal(dirname(path), join(dirname(file), 'backups'));
    assert.equal((await verifyDatabase(path)).ok, true);
  });

  test('requests that arrive together are all stored', async () => {
    const answers = await Promise.all(Array.from({ length: 50 }, (_, index) => post(`together ${index}`)));
    assert.deepEqual(new Set(answers.map(answer => answer.status)), new Set([201]));
    const listed = (await (await fetch(`${base}/notes?limit=100`)).json()) as { id: number; text: string }[];
    const together = listed.filter(({ text }) => text.startsWith('together'));
    assert.equal(together.length, 50);
    for (const { id } of together) await fetch(`${base}/notes/${id}`, { method: 'DELETE' });
  });

  test('reports and exports come from a reader process, which ends with the client', async () => {
    const report = (await (await fetch(`${base}/report?prefix=second`)).json()) as object[];
    assert.deepEqual(
      report.map(day => ({ ...day, day: '' })),
      [{ day: '', notes: 1, longest: 6 }],
    );
    await Promise.all(Array.from({ length: 300 }, (_, index) => post(`exported ${index}`)));
    const exported = (await (await fetch(`${base}/export`)).text()).trim().split('\n');
    const notes = exported.map(line => JSON.parse(line) as { id: number; text: string });
    assert.equal(notes.filter(({ text }) => text.startsWith('exported')).length, 300);
    const leave = new AbortController();
    const left = await fetch(`${base}/export`, { signal: leave.signal });
    leave.abort();
    await assert.rejects(left.text());
    interface Readers {
      readonly readers: { readonly busy: number; readonly lost: number };
    }
    const readers = async () => ((await (await fetch(`${base}/health`)).json()) as Readers).readers;
    await until(async () => (await readers()).busy === 0, 'the export that nobody reads has ended');
    assert.equal((await readers()).lost, 0);
    for (const { id, text } of notes) {
      if (text.startsWith('exported')) await fetch(`${base}/notes/${id}`, { method: 'DELETE' });
    }
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

  test('at a signal answers what runs, commits it, and leaves no WAL', async () => {
    const answers = Array.from({ length: 30 }, (_, index) => post(`last ${index}`));
    await Promise.race(answers);
    assert.equal(await stop('SIGTERM'), 0);
    const stored = (await Promise.allSettled(answers)).filter(
      answer => answer.status === 'fulfilled' && answer.value.status === 201,
    ).length;
    assert.ok(stored > 0);
    assert.equal(existsSync(`${file}-wal`), false);
    const db = new Database(file, { readonly: true });
    // A request that was cut off may be stored as well: nothing was promised.
    assert.ok(Number(db.prepare("SELECT count(*) FROM notes WHERE text LIKE 'last %'").pluck().get()) >= stored);
    db.close();
  });

  test('at a second signal waits for no request, and closes the database in order', async () => {
    await start();
    assert.equal((await post('before the end')).status, 201);
    // A request that never ends keeps the first signal waiting.
    const slow = connect(Number(new URL(base).port), '127.0.0.1');
    slow.on('error', () => {});
    slow.write('POST /notes HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n{');
    await fetch(`${base}/plan`);
    signal('SIGTERM');
    await said('stopping');
    assert.equal(await stop('SIGINT'), 1);
    slow.destroy();
    assert.equal(existsSync(`${file}-wal`), false);
    const db = new Database(file, { readonly: true });
    assert.equal(db.prepare("SELECT count(*) FROM notes WHERE text = 'before the end'").pluck().get(), 1);
    db.close();
  });
});
