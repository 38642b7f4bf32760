import { createRequire } from 'node:module';
import { mkdirSync, writeFileSync } from 'node:fs';
import { relations, sql } from 'drizzle-orm';
import { drizzle } from 'drizzle-orm/better-sqlite3';
import { migrate } from 'drizzle-orm/better-sqlite3/migrator';
import { integer, sqliteTable, text } from 'drizzle-orm/sqlite-core';
import { Database as SafeDatabase } from 'safe-sqlite';
import { outcome, way } from './outcome.mjs';

const authors = sqliteTable('authors', {
  id: integer().primaryKey({ autoIncrement: true }),
  name: text().notNull().unique(),
});
const books = sqliteTable('books', {
  id: integer().primaryKey(),
  title: text().notNull(),
  authorId: integer('author_id')
    .notNull()
    .references(() => authors.id),
});
const schema = {
  authors,
  books,
  authorsRelations: relations(authors, ({ many }) => ({ books: many(books) })),
  booksRelations: relations(books, ({ one }) => ({
    author: one(authors, { fields: [books.authorId], references: [authors.id] }),
  })),
};

// As drizzle-kit writes them.
mkdirSync('drizzle/meta', { recursive: true });
writeFileSync(
  'drizzle/0000_first.sql',
  'CREATE TABLE `authors` (`id` integer PRIMARY KEY AUTOINCREMENT NOT NULL, `name` text NOT NULL);\n--> statement-breakpoint\n' +
    'CREATE UNIQUE INDEX `authors_name_unique` ON `authors` (`name`);',
);
writeFileSync(
  'drizzle/0001_second.sql',
  'CREATE TABLE `books` (`id` integer PRIMARY KEY NOT NULL, `title` text NOT NULL, `author_id` integer NOT NULL, FOREIGN KEY (`author_id`) REFERENCES `authors`(`id`));',
);
const entries = ['0000_first', '0001_second'].map((tag, idx) => ({
  idx,
  version: '6',
  when: 1700000000000 + idx,
  tag,
  breakpoints: true,
}));
writeFileSync('drizzle/meta/_journal.json', JSON.stringify({ version: '7', dialect: 'sqlite', entries }));

const Database = way === 'direct' ? SafeDatabase : createRequire(import.meta.url)('better-sqlite3');
const client = new Database('drizzle.db');
const db = drizzle({ client, schema });
// Without a client, Drizzle imports better-sqlite3 itself.
const second =
  way === 'direct' ? drizzle({ client: new Database('drizzle.db'), schema }) : drizzle('drizzle.db', { schema });

migrate(db, { migrationsFolder: 'drizzle' });
migrate(db, { migrationsFolder: 'drizzle' });

db.transaction(
  tx => {
    const [{ id }] = tx.insert(authors).values({ name: 'Ada' }).returning({ id: authors.id }).all();
    tx.insert(books)
      .values([
        { title: 'Notes', authorId: id },
        { title: 'Letters', authorId: id },
      ])
      .run();
    try {
      tx.transaction(inner => {
        inner.insert(books).values({ title: 'Inner', authorId: id }).run();
        inner.rollback();
      });
    } catch {}
  },
  { behavior: 'immediate' },
);
const rolledBack = await outcome(() =>
  db.transaction(tx => {
    tx.insert(authors).values({ name: 'Nobody' }).run();
    throw new Error('rolled back');
  }),
);
const prepared = db
  .select()
  .from(authors)
  .where(sql`name = ${sql.placeholder('name')}`)
  .prepare();

console.log(
  JSON.stringify({
    migrations: db.get(sql`SELECT count(*) AS n FROM __drizzle_migrations`),
    authors: db.query.authors.findMany({ with: { books: true } }).sync(),
    prepared: prepared.all({ name: 'Ada' }),
    rolledBack,
    otherConnection: second
      .select({ n: sql`count(*)` })
      .from(books)
      .all(),
    unique: await outcome(() => db.insert(authors).values({ name: 'Ada' }).run()),
    synchronous: db.all(sql`PRAGMA synchronous`).map(row => row.synchronous),
    unsafe: await outcome(() => db.run(sql`PRAGMA synchronous = OFF`)),
  }),
);
client.close();
second.$client.close();
