import { createRequire } from 'node:module';
import { QuickDB, SqliteDriver } from 'quick.db';
import { Database as SafeDatabase } from 'safe-sqlite';
import { outcome, way } from './outcome.mjs';

// The driver asks for better-sqlite3 itself; it can be given a database by its field.
const driver = way === 'direct' ? Object.create(SqliteDriver.prototype) : new SqliteDriver('store.db');
if (way === 'direct') driver._database = new SafeDatabase('store.db');
const client = driver._database;
const db = new QuickDB({ driver });
await db.init?.();
await db.set('user', { name: 'Ada', tags: ['a'] });
await db.push('user.tags', 'b');
await db.add('visits', 3);
await db.sub('visits', 1);
const pets = (await db.tableAsync?.('pets')) ?? db.table('pets');
await pets.set('Tom', { owner: 'Ada' });
await db.set('gone', 1);
await db.delete('gone');
const reopened = new (way === 'direct' ? SafeDatabase : createRequire(import.meta.url)('better-sqlite3'))('store.db');
console.log(
  JSON.stringify({
    user: await db.get('user'),
    visits: await db.get('visits'),
    all: (await db.all()).map(({ id }) => id).toSorted(),
    pets: await pets.get('Tom.owner'),
    has: [await db.has('user'), await db.has('gone')],
    elsewhere: reopened.prepare('SELECT count(*) AS n FROM json').get(),
    synchronous: client.pragma('synchronous').map(row => row.synchronous),
    unsafe: await outcome(() => client.exec('PRAGMA synchronous = OFF')),
  }),
);
reopened.close();
client.close();
