// A library with a version of its own of better-sqlite3.
import Database from 'better-sqlite3';

export function count(file) {
  const db = new Database(file);
  const rows = db.prepare('SELECT count(*) FROM notes').pluck().get();
  db.close();
  return rows;
}
