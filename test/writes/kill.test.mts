/** SIGKILL at any moment: every write whose promise resolved is there. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import Native from 'better-sqlite3';
import { startScenario } from '../support/fault-shim.mts';

const program = join(import.meta.dirname, 'writer.scenario.mts');
const rounds = 8;

test('every resolved write survives SIGKILL, and of each batch all or nothing', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'killed-'));
  const file = join(folder, 't.db');
  const ledger = new Set<unknown>();
  try {
    for (let round = 0; round < rounds; round += 1) {
      const child = startScenario(program);
      await child.ask('open', { file });
      // Killed behind a random report, at whatever point the process then is.
      const killAt = 1 + Math.floor(Math.random() * 600);
      child.onReport(() => {
        if (child.reports.length === killAt) child.kill();
      });
      await child.ask('forever', { callers: round % 2 === 0 ? 64 : 1, from: round * 1_000_000 });
      const { signal } = await child.ended;
      assert.equal(signal, 'SIGKILL', child.stderr());
      for (const id of child.reports) ledger.add(id);
      assert.ok(child.reports.length >= killAt);

      const db = new Native(file);
      const rows = new Set(db.prepare('SELECT id FROM t').pluck().all());
      assert.equal(db.pragma('integrity_check', { simple: true }), 'ok');
      db.close();
      for (const id of ledger) assert.ok(rows.has(id), `write ${String(id)} was told to be stored and is gone`);
      // What is stored without a report was committed while the process died: no more than its callers had under way.
      assert.ok(rows.size - ledger.size <= 64 * (round + 1));
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
