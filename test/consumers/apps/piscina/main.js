import { Piscina } from 'piscina';
import { openDatabase } from 'safe-sqlite';

const raw = process.argv.includes('--raw');
const file = raw ? 'raw.db' : 'app.db';
const db = openDatabase(file, { logger: false });
db.exec('CREATE TABLE notes (id INTEGER PRIMARY KEY, thread INTEGER)');
const pool = new Piscina({ filename: new URL('thread.js', import.meta.url).href, minThreads: 4, maxThreads: 4 });
const tasks = Array.from({ length: 16 }, (_, index) => pool.run({ from: index * 25, rows: 25, raw, file }));
const done = await Promise.all(tasks);
const before = db.prepare('SELECT count(*) FROM notes').pluck().get();
const backup = await db.backup(`${file}.backup`);
// It terminates the threads, with their databases open.
await pool.destroy();
db.prepare('INSERT INTO notes VALUES (-1, 0)').run();
const { status } = db.health();
const rows = db.prepare('SELECT count(*) FROM notes').pluck().get();
const ok = db.pragma('integrity_check', { simple: true });
db.close();
const acknowledged = done.reduce((sum, { rows: count }) => sum + count, 0);
const threads = new Set(done.map(({ threadId }) => threadId)).size;
console.log(
  JSON.stringify({
    acknowledged,
    before,
    rows,
    threads: threads > 1,
    verified: backup.verified,
    fenced: status === 'fenced',
    ok,
  }),
);
