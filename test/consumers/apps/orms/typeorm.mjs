import { DataSource, EntitySchema } from 'typeorm';
import { Database } from 'safe-sqlite';
import { outcome, way } from './outcome.mjs';

const Author = new EntitySchema({
  name: 'Author',
  columns: { id: { type: Number, primary: true, generated: true }, name: { type: String, unique: true } },
  relations: { books: { type: 'one-to-many', target: 'Book', inverseSide: 'author', cascade: true } },
});
const Book = new EntitySchema({
  name: 'Book',
  columns: { id: { type: Number, primary: true, generated: true }, title: { type: String } },
  relations: { author: { type: 'many-to-one', target: 'Author', inverseSide: 'books', nullable: false } },
});
// TypeORM attaches this file by SQL.
const Line = new EntitySchema({
  name: 'Line',
  database: 'typeorm-audit.db',
  columns: { id: { type: Number, primary: true, generated: true }, text: { type: String } },
});

class AddPages1700000000000 {
  name = 'AddPages1700000000000';
  async up(runner) {
    await runner.query('ALTER TABLE book ADD COLUMN pages integer');
    await runner.query('CREATE INDEX book_title ON book (title)');
  }
  async down(runner) {
    await runner.query('DROP INDEX book_title');
    await runner.query('ALTER TABLE book DROP COLUMN pages');
  }
}

const open = more =>
  new DataSource({
    type: 'better-sqlite3',
    database: `${process.cwd()}/typeorm.db`,
    entities: [Author, Book, Line],
    migrations: [AddPages1700000000000],
    ...(way === 'direct' ? { driver: Database } : {}),
    ...more,
  }).initialize();

const source = await open({ synchronize: true, enableWAL: true });
const second = await open();
const ran = await source.runMigrations();

await source.transaction(async manager => {
  await manager.save(Author, { name: 'Ada', books: [{ title: 'Notes' }, { title: 'Letters' }] });
  await manager
    .transaction(async inner => {
      await inner.save(Author, { name: 'Inner' });
      throw new Error('undo');
    })
    .catch(() => {});
});
const rolledBack = await outcome(() =>
  source.transaction(async manager => {
    await manager.save(Author, { name: 'Nobody' });
    throw new Error('rolled back');
  }),
);
await source.getRepository(Line).save({ text: 'one' });

console.log(
  JSON.stringify({
    migrations: ran.map(({ name }) => name),
    authors: await source
      .getRepository(Author)
      .find({ relations: { books: true }, order: { name: 'ASC', books: { title: 'ASC' } } }),
    rolledBack,
    otherConnection: await second.getRepository(Book).count(),
    attached: await second.getRepository(Line).find(),
    unique: await outcome(() => source.getRepository(Author).insert({ name: 'Ada' })),
    foreignKey: await outcome(() => source.getRepository(Book).insert({ title: 'x', author: { id: 999 } })),
    synchronous: (await source.query('PRAGMA synchronous')).map(row => row.synchronous),
    unsafe: await outcome(() => source.query('PRAGMA synchronous = OFF')),
    undone: await source
      .undoLastMigration()
      .then(() => source.query(`SELECT name FROM pragma_table_info('book') ORDER BY name`)),
  }),
);
await source.destroy();
await second.destroy();
