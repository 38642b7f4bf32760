import { createRequire } from 'node:module';
import { Kysely, sql, SqliteDialect } from 'kysely';
import { Migrator } from 'kysely/migration';
import { Database as SafeDatabase } from 'safe-sqlite';
import { outcome, way } from './outcome.mjs';

const Database = way === 'direct' ? SafeDatabase : createRequire(import.meta.url)('better-sqlite3');
const open = () => new Kysely({ dialect: new SqliteDialect({ database: async () => new Database('kysely.db') }) });

const migrations = {
  '1-authors': {
    up: db =>
      db.schema
        .createTable('authors')
        .addColumn('id', 'integer', column => column.primaryKey().autoIncrement())
        .addColumn('name', 'text', column => column.notNull().unique())
        .execute(),
  },
  '2-books': {
    up: db =>
      db.schema
        .createTable('books')
        .addColumn('id', 'integer', column => column.primaryKey())
        .addColumn('title', 'text', column => column.notNull())
        .addColumn('author_id', 'integer', column => column.notNull().references('authors.id'))
        .execute(),
  },
};

const db = open();
const second = open();
const { results, error } = await new Migrator({
  db,
  provider: { getMigrations: async () => migrations },
}).migrateToLatest();
if (error) throw error;

await db.transaction().execute(async trx => {
  const { id } = await trx.insertInto('authors').values({ name: 'Ada' }).returning('id').executeTakeFirstOrThrow();
  await trx
    .insertInto('books')
    .values([
      { title: 'Notes', author_id: id },
      { title: 'Letters', author_id: id },
    ])
    .execute();
});
const rolledBack = await outcome(() =>
  db.transaction().execute(async trx => {
    await trx.insertInto('authors').values({ name: 'Nobody' }).execute();
    throw new Error('rolled back');
  }),
);
const controlled = await db.startTransaction().execute();
await controlled.insertInto('authors').values({ name: 'Kept' }).execute();
const savepoint = await controlled.savepoint('inner').execute();
await savepoint.insertInto('authors').values({ name: 'Undone' }).execute();
await savepoint.rollbackToSavepoint('inner').execute();
await controlled.commit().execute();

const streamed = [];
for await (const { title } of db.selectFrom('books').select('title').orderBy('title').stream()) streamed.push(title);
const update = await db
  .updateTable('books')
  .set({ title: 'Memoirs' })
  .where('title', '=', 'Letters')
  .executeTakeFirst();

console.log(
  JSON.stringify({
    migrated: results.map(({ migrationName, status }) => [migrationName, status]),
    books: await db
      .selectFrom('books')
      .innerJoin('authors', 'authors.id', 'books.author_id')
      .select(['name', 'title'])
      .orderBy('title')
      .execute(),
    streamed,
    updated: String(update.numUpdatedRows),
    rolledBack,
    authors: (await second.selectFrom('authors').select('name').orderBy('name').execute()).map(({ name }) => name),
    unique: await outcome(() => db.insertInto('authors').values({ name: 'Ada' }).execute()),
    tables: (await db.introspection.getTables()).map(({ name }) => name).toSorted(),
    synchronous: (await sql`PRAGMA synchronous`.execute(db)).rows.map(row => row.synchronous),
    unsafe: await outcome(() => sql`PRAGMA synchronous = OFF`.execute(db)),
  }),
);
await db.destroy();
await second.destroy();
