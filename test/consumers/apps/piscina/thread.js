// Opens the file in each thread of the pool, and writes.
import { threadId } from 'node:worker_threads';
import Raw from 'better-sqlite3';
import Database, { openDatabase } from 'safe-sqlite';

let db;

export default async function write({ from, rows, raw, file }) {
  db ??= raw ? new Raw(file) : openDatabase(file, { logger: false });
  const insert = db.prepare('INSERT INTO notes VALUES (?, ?)');
  for (let id = from; id < from + rows; id += 1) {
    if (db instanceof Database) await db.write(() => insert.run(id, threadId));
    else insert.run(id, threadId);
  }
  return { from, rows, threadId };
}
