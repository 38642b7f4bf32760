// MikroORM pins a better-sqlite3 of its own. Two copies of SQLite in one process do not see each other's locks.
import { defineEntity, MikroORM, p } from '@mikro-orm/sqlite';
import Database from 'better-sqlite3';
import { outcome } from './outcome.mjs';

const Note = defineEntity({ name: 'Note', properties: { id: p.integer().primary() } });
const orm = await MikroORM.init({
  dbName: 'two.db',
  entities: [Note],
  driverOptions: { timeout: 0 },
  logger: () => {},
});
const db = new Database('two.db', { timeout: 0 });
db.exec('CREATE TABLE note (id INTEGER PRIMARY KEY); BEGIN IMMEDIATE');
const second = await outcome(() => orm.em.getConnection().execute('BEGIN IMMEDIATE'));
console.log(JSON.stringify({ second }));
process.exit();
