// The event loop during a backup: a small form of bench/backup.mts that prints its figures and judges only what holds on any machine.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { measureBackups } from '../../bench/backup.mts';

test('a backup runs beside the event loop', async t => {
  for (const { way, seconds, stallMs, besideMs, ownMs } of await measureBackups(48, 1)) {
    t.diagnostic(
      `${way}: ${(seconds * 1000).toFixed(0)} ms, longest stall ${stallMs.toFixed(0)} ms, ` +
        `${besideMs.toFixed(0)} ms in an idle process, ${ownMs.toFixed(0)} ms of its own`,
    );
    // A copy in the calling thread would be one stall as long as itself.
    if (way.startsWith('safe-sqlite')) assert.ok(ownMs < seconds * 500, way);
  }
});
