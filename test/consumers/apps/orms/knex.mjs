import createKnex from 'knex';
import { Database } from 'safe-sqlite';
import { outcome, way } from './outcome.mjs';

const { default: BetterSqlite3Client } = await import('knex/lib/dialects/better-sqlite3/index.js');

class SafeSqliteClient extends BetterSqlite3Client {
  _driver() {
    return Database;
  }
}

const migrationSource = {
  getMigrations: async () => ['1-authors', '2-books'],
  getMigrationName: name => name,
  getMigration: async name =>
    ({
      '1-authors': {
        up: knex =>
          knex.schema.createTable('authors', table => {
            table.increments();
            table.string('name').notNullable().unique();
          }),
        down: knex => knex.schema.dropTable('authors'),
      },
      '2-books': {
        up: async knex => {
          await knex.schema.createTable('books', table => {
            table.increments();
            table.string('title');
            table.integer('author_id').notNullable().references('authors.id');
          });
          // Knex rebuilds the table for this: PRAGMA foreign_keys, CREATE, INSERT … SELECT, DROP, RENAME.
          await knex.schema.alterTable('books', table => table.string('title').notNullable().alter());
        },
        down: knex => knex.schema.dropTable('books'),
      },
    })[name],
};

const open = () =>
  createKnex({
    client: way === 'direct' ? SafeSqliteClient : 'better-sqlite3',
    connection: { filename: 'knex.db' },
    useNullAsDefault: true,
    pool: { afterCreate: (db, done) => done(null, db.exec(`ATTACH 'knex-audit.db' AS audit`)) },
  });

const knex = open();
const second = open();
await knex.migrate.latest({ migrationSource });
const [, migrations] = await knex.migrate.list({ migrationSource });

await knex.transaction(async trx => {
  const [{ id }] = await trx('authors').insert({ name: 'Ada' }).returning('id');
  await trx('books').insert([
    { title: 'Notes', author_id: id },
    { title: 'Letters', author_id: id },
  ]);
  await trx
    .transaction(inner =>
      inner('books')
        .insert({ title: 'Inner', author_id: id })
        .then(() => inner.rollback(new Error('undo'))),
    )
    .catch(() => {});
});
const rolledBack = await outcome(() =>
  knex.transaction(async trx => {
    await trx('authors').insert({ name: 'Nobody' });
    throw new Error('rolled back');
  }),
);
await knex.raw('CREATE TABLE audit.log (line TEXT)');
await knex.raw('INSERT INTO audit.log VALUES (?)', ['one']);

console.log(
  JSON.stringify({
    pending: migrations.length,
    books: await knex('books')
      .join('authors', 'authors.id', 'books.author_id')
      .orderBy('title')
      .select('name', 'title'),
    rolledBack,
    unique: await outcome(() => knex('authors').insert({ name: 'Ada' })),
    foreignKey: await outcome(() => knex('books').insert({ title: 'x', author_id: 999 })),
    otherConnection: await second('authors').count({ n: '*' }).first(),
    attached: await second.raw('SELECT line FROM audit.log'),
    synchronous: [await knex.raw('PRAGMA main.synchronous'), await knex.raw('PRAGMA audit.synchronous')]
      .flat()
      .map(row => row.synchronous),
    unsafe: await outcome(() => knex.raw('PRAGMA synchronous = OFF')),
    rolledBackMigrations: (await knex.migrate.rollback({ migrationSource }, true))[1].length,
  }),
);
await Promise.all([knex.destroy(), second.destroy()]);
