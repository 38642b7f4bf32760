/** The warning about a WAL above its limit: when it comes, how often, and what it says. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { Database, type WarningEvent } from 'safe-sqlite';
import { WalWarning } from '../../dist/checkpoint/report.js';
import { schedulerOf } from '../../dist/checkpoint/schedulers.js';
import { openResolved } from '../../dist/open/open.js';
import { resolveOptions } from '../../dist/options/resolve.js';

const minuteMs = 60_000;
let folder = '';
let db: Database;
let look: (walBytes: number, minutes: number) => void;
let seen: WarningEvent[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'safe-sqlite-'));
  // Far from every checkpoint of its own.
  const checkpoint = { walBytes: 500_000, truncateAboveBytes: 1_000_000, intervalMs: 1_000_000 };
  const opened = openResolved(resolveOptions(join(folder, 'a.db'), { logger: false, checkpoint }));
  db = new Database(opened as unknown as string);
  seen = [];
  db.events.on('warning', event => {
    if (event.code === 'wal-above-limit') seen.push(event);
  });
  const { users, settings, history } = schedulerOf({ key: opened.key, file: db.name, identity: opened.identity });
  const wal = { file: db.name, users, settings, history };
  const warning = new WalWarning();
  look = (walBytes, minutes) =>
    warning.check({ walBytes, pendingBytes: 0, fileBytes: walBytes, exact: true }, wal, minutes * minuteMs);
});
afterEach(() => {
  db.close();
  rmSync(folder, { recursive: true, force: true });
});

describe('a WAL above its limit', () => {
  test('is warned of again and again, with growing pauses of a quarter of an hour at most', () => {
    for (let minute = 0; minute <= 60; minute += 0.5) look(1_000_001, minute + 10);
    // At 0, and after 1, 2, 4, 8, 15 minutes and so on.
    assert.equal(seen.length, 8);
    const [first] = seen;
    assert.match(first?.message ?? '', /holds 1000001 bytes, above its limit of 1000000: writers are faster/);
    assert.equal(first?.details['walBytes'], 1_000_001);
    assert.equal(first?.details['limit'], 1_000_000);
  });

  test('at its limit is well, and the next time it is warned of at once', () => {
    look(1_000_000, 0);
    assert.equal(seen.length, 0);
    look(1_000_001, 1);
    look(1_000_000, 1.1);
    look(1_000_001, 1.2);
    assert.equal(seen.length, 2);
  });

  test('reaches the connections that had the file then, and none that a listener opens', () => {
    const late: Database[] = [];
    let toldLate = 0;
    db.events.on('warning', event => {
      if (event.code !== 'wal-above-limit') return;
      const other = new Database(db.name, { logger: false });
      late.push(other);
      other.events.on('warning', each => void (toldLate += each.code === 'wal-above-limit' ? 1 : 0));
    });
    look(1_000_001, 0);
    for (const other of late) other.close();
    assert.equal(late.length, 1);
    assert.equal(toldLate, 0);
  });

  test('is logged once for all connections of one logger, and told to each', () => {
    const logged: string[] = [];
    const ignore = (): void => {};
    const warn = (_: object, message: string): void => void logged.push(message);
    const logger = { debug: ignore, info: ignore, warn, error: ignore, fatal: ignore };
    const others = [1, 2].map(() => new Database(db.name, { logger }));
    let told = 0;
    for (const other of others) {
      other.events.on('warning', each => void (told += each.code === 'wal-above-limit' ? 1 : 0));
    }
    logged.length = 0;
    look(1_000_001, 0);
    for (const other of others) other.close();
    assert.equal(told, 2);
    assert.equal(logged.length, 1);
  });
});
