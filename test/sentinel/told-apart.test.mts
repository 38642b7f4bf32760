/** Fenced storage, lost locks and a replaced file are told apart: in events, metrics, health and classes. */
import assert from 'node:assert/strict';
import fs, { existsSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { Database } from 'safe-sqlite';

const folder = mkdtempSync(join(tmpdir(), 'safe-sqlite-apart-'));
after(() => rmSync(folder, { recursive: true, force: true }));
const skip = process.platform === 'linux' ? false : 'needs Linux';

/** What takes a database out of service without any fault of the storage. */
const losses = {
  locksLost: {
    code: 'SAFE_SQLITE_LOCKS_LOST',
    label: 'locks_lost',
    lose: (file: string) => void fs.readFileSync(file),
  },
  fileReplaced: {
    code: 'SAFE_SQLITE_FILE_REPLACED',
    label: 'file_replaced',
    lose: (file: string) => {
      renameSync(file, `${file}.old`);
      writeFileSync(file, '');
    },
  },
} as const;

describe('what takes a database out of service', { skip }, () => {
  for (const [reason, { code, label, lose }] of Object.entries(losses)) {
    test(`tells the reason: ${reason}`, () => {
      const file = join(folder, `${reason}.db`);
      const db = new Database(file, { logger: false, processGuard: 'off', sentinel: { intervalMs: 60_000 } });
      db.exec('CREATE TABLE t (a); INSERT INTO t VALUES (1)');
      const told: string[] = [];
      for (const name of ['locksLost', 'fileReplaced'] as const) db.events.on(name, () => void told.push(name));
      db.events.on('fenced', event => void told.push(`fenced: ${event.reason}`));
      const outOfService = (): string[] =>
        [...db.metrics().matchAll(/safe_sqlite_out_of_service\{[^}]*reason="(\w+)"\} 1/g)].map(([, name = '']) => name);
      assert.deepEqual(outOfService(), []);
      assert.match(db.metrics(), /safe_sqlite_up\{[^}]*\} 1/);
      lose(file);
      assert.throws(() => db.exec('INSERT INTO t VALUES (2)'), { code });
      assert.deepEqual(told, [reason, `fenced: ${reason}`]);
      assert.deepEqual(outOfService(), [label]);
      assert.match(db.metrics(), /safe_sqlite_up\{[^}]*\} 0/);
      assert.match(db.metrics(), /safe_sqlite_degraded\{[^}]*\} 0/);
      assert.equal(db.health().refusal?.code, code);
      assert.equal(existsSync(`${file}-fenced`), false);
      db.close();
    });
  }
});
