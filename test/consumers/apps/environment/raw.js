// The control: the same application on better-sqlite3 alone.
import Database from 'better-sqlite3';

const db = new Database(':memory:');
db.exec('CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT UNIQUE)');
db.prepare('INSERT INTO notes (text) VALUES (?)').run('one');
console.log(JSON.stringify({ rows: db.prepare('SELECT count(*) FROM notes').pluck().get() }));
db.close();
