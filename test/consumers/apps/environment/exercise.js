// The smallest real application: it opens a database, writes, and uses each service once. Gives what it saw.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database, { SqliteUniqueError, diagnose, openDatabase, verifyDatabase } from 'safe-sqlite';

export async function exercise() {
  const folder = mkdtempSync(join(tmpdir(), 'safe-sqlite-environment-'));
  let threads = 0;
  const count = () => (threads += 1);
  process.on('worker', count);
  try {
    const file = join(folder, 'app.db');
    const warnings = [];
    const db = openDatabase(file);
    db.events.on('warning', ({ code }) => warnings.push(code));
    db.exec('CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT UNIQUE)');
    const insert = db.prepare('INSERT INTO notes (text) VALUES (?)');
    insert.run('one');
    const written = await Promise.all(['two', 'three'].map(text => db.write(() => insert.run(text).changes)));
    const refused = await db.write(() => insert.run('one')).catch(error => error);
    const checkpoint = await db.checkpoint();
    const backup = await db.backup(join(folder, 'backup.db'));
    const verified = await verifyDatabase(backup.path, { level: 'full' });
    const looked = await diagnose(file).then(
      ({ findings, notLookedAt }) => findings.every(({ code }) => typeof code === 'string') && notLookedAt.length >= 0,
      error => `${error.name}: ${error.hint}`,
    );
    const read = await db.reader.get('SELECT count(*) AS n FROM notes');
    const { status, reasons, jobs, readers } = db.health();
    // What the machine lacks is not what is asked here.
    const missing = reasons.filter(reason => reason === jobs.obstacle);
    const rows = db.prepare('SELECT count(*) FROM notes').pluck().get();
    db.close();
    return {
      rows,
      written,
      error: [refused.name, refused.constructor.name, refused.code, refused instanceof SqliteUniqueError],
      checkpoint: checkpoint.complete,
      backup: backup.verified,
      verified: verified.ok,
      doctor: looked,
      closed: !db.open && Database.name === 'Database',
      threads: threads > 0,
      // In a process, or in the thread of the application.
      reader: [readers.mode, read.n],
      status: missing.length > 0 ? status : 'ok',
      reasons: missing,
      warnings: warnings.filter(code => code === 'no-worker-thread' || code === 'readers-in-thread'),
    };
  } finally {
    process.off('worker', count);
    rmSync(folder, { recursive: true, force: true });
  }
}
