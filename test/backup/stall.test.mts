// The event loop during a backup: a small form of stall.mts that prints its figures and judges only what holds on any machine.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { measureStalls } from './stall.mts';

test('a backup runs beside the event loop', async t => {
  const rows = await measureStalls(64);
  for (const { way, longestStallMs, durationMs, megabytesPerSecond } of rows) {
    t.diagnostic(
      `${way}: longest stall ${longestStallMs.toFixed(1)} ms of ${durationMs.toFixed(0)} ms, ${megabytesPerSecond.toFixed(0)} MB/s`,
    );
    // A copy in the calling thread would be one stall as long as itself.
    if (way !== 'better-sqlite3') assert.ok(longestStallMs < durationMs / 2, way);
  }
});
