import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import Database from 'better-sqlite3';

const program = join(import.meta.dirname, '../../examples/worker/main.mts');

test('examples/worker: threads report while the main thread writes; all of them close', t => {
  const folder = mkdtempSync(join(tmpdir(), 'worker-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, 'readings.db');
  const env = { ...process.env, DATABASE: file };
  const { status, stdout, stderr } = spawnSync(process.execPath, [program], { env, encoding: 'utf8', timeout: 60_000 });
  assert.equal(status, 0, stderr);
  const counts = [...stdout.matchAll(/^report \d: (\d+) readings/gm)].map(([, readings]) => Number(readings));
  assert.equal(counts.length, 5);
  assert.deepEqual(
    counts.toSorted((a, b) => a - b),
    counts,
  );
  const written = Number(/^written: (\d+)$/m.exec(stdout)?.[1]);
  assert.ok(written > 0);
  assert.match(stdout, /^closed$/m);
  const highest = Number(/^highest: ([\d.]+)$/m.exec(stdout)?.[1]);
  assert.equal(existsSync(`${file}-wal`), false);
  const db = new Database(file, { readonly: true });
  assert.equal(db.prepare('SELECT count(*) FROM readings').pluck().get(), written);
  const most = db.prepare<[], number>('SELECT max(value) FROM readings').pluck().get() ?? 0;
  assert.equal(highest, Number(most.toFixed(1)));
  db.close();
});
