// The control: the same application on better-sqlite3 alone.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';

export async function control() {
  const folder = mkdtempSync(join(tmpdir(), 'safe-sqlite-control-'));
  try {
    const db = new Database(join(folder, 'app.db'));
    db.pragma('journal_mode = WAL');
    db.exec('CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT UNIQUE)');
    db.prepare('INSERT INTO notes (text) VALUES (?)').run('one');
    db.pragma('wal_checkpoint(TRUNCATE)');
    await db.backup(join(folder, 'backup.db'));
    const rows = db.prepare('SELECT count(*) FROM notes').pluck().get();
    db.close();
    return { rows };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
