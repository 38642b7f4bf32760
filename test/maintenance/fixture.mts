// Files and programs that the tests of the maintenance thread share.
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import type NativeDatabase from 'better-sqlite3';

export const dist = (path: string): string => join(import.meta.dirname, '../../dist', path);
export const require = createRequire(import.meta.url);
export const Native = require('better-sqlite3') as typeof NativeDatabase;

export function folder(t: Pick<TestContext, 'after'>): string {
  const path = mkdtempSync(join(tmpdir(), 'safe-sqlite-'));
  t.after(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

export function identityOf(path: string): { dev: bigint; ino: bigint } {
  const { dev, ino } = statSync(path, { bigint: true });
  return { dev, ino };
}

/** A WAL database with `rows` rows of about 1 kB, its automatic checkpoint off; closed after the test. */
export function walDatabase(t: TestContext, path: string, rows = 0): NativeDatabase.Database {
  const db = new Native(path);
  t.after(() => db.close());
  db.pragma('journal_mode=WAL');
  db.pragma('wal_autocheckpoint=0');
  db.exec('CREATE TABLE item (id INTEGER PRIMARY KEY, body BLOB NOT NULL)');
  const insert = db.prepare('INSERT INTO item (body) VALUES (randomblob(1000))');
  db.transaction(() => {
    for (let row = 0; row < rows; row++) insert.run();
  })();
  return db;
}
