import { rmSync } from 'node:fs';
import Database, { openDatabase } from 'safe-sqlite';
import { count } from 'two';

const db = openDatabase('notes.db', { logger: false });
db.exec('CREATE TABLE notes (text)');
const insert = db.prepare('INSERT INTO notes VALUES (?)');
insert.run('one');
const lost = new Promise(resolve => db.events.once('locksLost', resolve));
count('notes.db');
// Nothing of the library keeps a process alive.
const alive = setInterval(() => {}, 1000);
// With safe-sqlite/register the library has the same copy, and nothing can be lost.
const event = process.argv.includes('--registered') ? null : await lost;
clearInterval(alive);
let code = null;
try {
  insert.run('two');
} catch (error) {
  code = error.code;
}
db.close();
const saved = event?.rescued ?? 'notes.db';
const copy = new Database(saved, { logger: false });
const rows = copy.prepare('SELECT text FROM notes').pluck().all();
copy.close();
console.log(JSON.stringify({ code, culprits: event?.error.details.culprits ?? null, rows }));
for (const name of ['notes.db', 'notes.db-wal', 'notes.db-shm']) rmSync(name, { force: true });
