// Shows the hazard: close() of the second copy of SQLite cancels the locks of the first and deletes its WAL. The first goes on
// writing into the deleted file, where no other process sees its commits and a power cut takes them away.
import { execFileSync } from 'node:child_process';
import Database from 'better-sqlite3';
import { count } from 'two';

const db = new Database('raw.db');
db.pragma('journal_mode = WAL');
db.exec('CREATE TABLE notes (text)');
const insert = db.prepare('INSERT INTO notes VALUES (?)');
insert.run('one');
count('raw.db');
insert.run('two');
const seen = db.prepare('SELECT count(*) FROM notes').pluck().get();
const look = `import { count } from 'two'; process.stdout.write(String(count('raw.db')))`;
const others = Number(execFileSync(process.execPath, ['--input-type=module', '--eval', look]));
console.log(JSON.stringify({ seen, others }));
