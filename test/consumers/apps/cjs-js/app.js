// A CommonJS program that was written for better-sqlite3, with only the name of the package changed.
const Database = require('safe-sqlite');
const { openDatabase, SqliteUniqueError } = require('safe-sqlite');

const db = new Database('app.db');
db.exec('CREATE TABLE notes(id INTEGER PRIMARY KEY, text TEXT UNIQUE)');
const insert = db.prepare('INSERT INTO notes(text) VALUES (?)');
const insertAll = db.transaction(texts => texts.map(text => insert.run(text).lastInsertRowid));
const ids = insertAll(['one', 'two']);

let caught;
try {
  insertAll(['three', 'one']);
} catch (error) {
  caught = error;
}

const shared = openDatabase('app.db');
const called = Database('app.db', { readonly: true });
console.log(
  JSON.stringify({
    ids,
    texts: shared.prepare('SELECT text FROM notes ORDER BY id').pluck().all(),
    count: called.prepare('SELECT count(*) FROM notes').pluck().get(),
    code: caught.code,
    isUnique: caught instanceof SqliteUniqueError,
    isSqliteError: caught instanceof Database.SqliteError,
    isSameAsNative: caught instanceof require('better-sqlite3').SqliteError,
    isDatabase: db instanceof Database && called instanceof Database && shared instanceof Database,
    sameConstructor: db.constructor === Database && Database.Database === Database,
  }),
);
for (const each of [db, shared, called]) each.close();
