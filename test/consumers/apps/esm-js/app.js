// An ES module: the default and the names, and the same objects as through require().
import { createRequire } from 'node:module';
import Database, { Database as Named, openDatabase, SqliteError, SqliteNotNullError } from 'safe-sqlite';
import * as everything from 'safe-sqlite';

const required = createRequire(import.meta.url)('safe-sqlite');
const dynamic = await import('safe-sqlite');

const db = openDatabase('app.db');
db.exec('CREATE TABLE notes(text NOT NULL)');
let caught;
try {
  db.prepare('INSERT INTO notes VALUES (?)').run(null);
} catch (error) {
  caught = error;
}

console.log(
  JSON.stringify({
    oneConstructor: new Set([Database, Named, required, dynamic.default, required.Database]).size,
    namesDiffer: Object.entries(everything).filter(([name, value]) => name !== 'default' && required[name] !== value),
    strayNames: Object.keys(everything).filter(name => ['__esModule', 'module.exports'].includes(name)),
    isNotNull: caught instanceof SqliteNotNullError && caught instanceof SqliteError,
    isDatabase: db instanceof required,
  }),
);
db.close();
