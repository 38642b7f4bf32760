// The status page over real HTTP: each state with its next step, escaped, with nothing loaded from elsewhere.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { InvalidOptionError, openDatabase } from 'safe-sqlite';
import { statusPage, statusRoute } from 'safe-sqlite/express';
import { writeFenceMarker } from '../../dist/filesystem/fence-marker.js';
import { database, served } from './status-server.mts';

describe('statusRoute', () => {
  test('one document: 200, a strict policy, no address of another place', async t => {
    const db = database(t);
    const response = await fetch(await served(t, db));
    const page = await response.text();
    assert.equal(response.status, 200);
    assert.match(response.headers.get('content-security-policy') ?? '', /^default-src 'none'; style-src 'sha256-/);
    assert.equal(response.headers.get('cache-control'), 'no-store');
    assert.match(page, /<h1>All is well<\/h1>/);
    assert.match(page, /<title>app\.db: ok<\/title>/);
    assert.doesNotMatch(page, /https?:\/\/|<link|src=/);
    for (const title of [
      'Commits',
      'Commit (95 %)',
      'WAL',
      'Checkpoints',
      'Failed checkpoints',
      'Busy readers',
      'Blocked',
      'Last backup',
    ])
      assert.ok(page.includes(`<figcaption>${title}`), title);
  });

  test('names and messages cannot become part of the page or of a terminal', async t => {
    // Windows allows neither angle brackets nor quotes in a name.
    const marks = process.platform === 'win32' ? '' : `<img src=x onerror=alert(1)>"`;
    const db = database(t, `${marks}'&\u202e.db`);
    const page = await (await fetch(await served(t, db))).text();
    assert.doesNotMatch(page, /<img/);
    assert.ok(page.includes(marks === '' ? '&#39;&amp;' : '&lt;img src=x onerror=alert(1)&gt;&quot;&#39;&amp;'));
    assert.ok(!page.includes('\u202e'));
  });

  test('degraded: the reasons and the next command, above the charts', async t => {
    const db = database(t);
    const health = {
      ...db.health(),
      status: 'degraded' as const,
      reasons: ['The WAL is too large.'],
      next: 'npx safe-sqlite doctor app.db',
    };
    const page = statusPage({ health: () => health, plan: db.plan })();
    assert.equal(page.status, 200);
    assert.ok(page.body.indexOf('The WAL is too large.') < page.body.indexOf('<figure'));
    assert.match(page.body, /Next: <code>npx safe-sqlite doctor app\.db<\/code>/);
  });

  test('fenced: 503, the hint and the command, and no section that contradicts it', async t => {
    const db = database(t);
    const url = await served(t, db);
    const fault = {
      file: db.name,
      time: new Date().toISOString(),
      code: 'SQLITE_IOERR_FSYNC',
      operation: 'commit',
      message: 'disk I/O error',
    };
    assert.equal(writeFenceMarker(fault), null);
    await assert.rejects(async () => {
      for (;;) await db.write(() => db.exec('INSERT INTO t VALUES (1)'));
    });
    const response = await fetch(url);
    const page = await response.text();
    assert.equal(response.status, 503);
    assert.match(page, /<header class="fenced">\s*<h1>Out of service/);
    assert.match(page, /Next: <code>npx safe-sqlite doctor .*app\.db<\/code>/);
    const { refusal } = db.health();
    assert.ok(refusal !== null && refusal.hint !== null && page.includes(refusal.hint.slice(0, 20)));
    assert.doesNotMatch(page, /no WAL|<h2>WAL<\/h2>|All is well/);
    assert.doesNotMatch(page, /<dt>Locks<\/dt>|`/);
    assert.match(page, /<code>npx safe-sqlite explain SAFE_SQLITE_FENCED<\/code>/);
    // Every write that the fence refuses is counted, also those that never reach the queue.
    const before = db.health().writes.rejected;
    assert.ok(before > 0);
    for (let round = 0; round < 3; round += 1)
      await assert.rejects(db.write(() => db.exec('INSERT INTO t VALUES (1)')));
    assert.match(await (await fetch(url)).text(), new RegExp(`<dt>Rejected</dt>\\s*<dd>${before + 3}<`));
  });

  test('closed: 503, and what that means', async t => {
    const folder = mkdtempSync(join(tmpdir(), 'status-'));
    t.after(() => rmSync(folder, { recursive: true, force: true }));
    const db = openDatabase(join(folder, 'app.db'), { logger: false });
    const page = statusPage(db);
    db.close();
    const { status, body } = page();
    assert.equal(status, 503);
    assert.match(body, /<h1>The database is closed<\/h1>/);
  });

  test('options are checked', t => {
    const db = database(t);
    assert.throws(() => statusRoute(db, { sampleMs: 0 }), InvalidOptionError);
    assert.throws(() => statusRoute(db, { titel: 'x' } as object), InvalidOptionError);
  });
});
