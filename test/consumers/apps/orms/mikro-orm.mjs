import { defineEntity, p } from '@mikro-orm/core';
import { Migration, Migrator } from '@mikro-orm/migrations';
import { MikroORM } from '@mikro-orm/sqlite';
import { SqliteDialect } from 'kysely';
import { Database } from 'safe-sqlite';
import { outcome, way } from './outcome.mjs';

const Author = defineEntity({
  name: 'Author',
  properties: {
    id: p.integer().primary(),
    name: p.string().unique(),
    books: () => p.oneToMany(Book).mappedBy('author'),
  },
});
const Book = defineEntity({
  name: 'Book',
  properties: { id: p.integer().primary(), title: p.string(), author: () => p.manyToOne(Author) },
});

class First extends Migration {
  up() {
    this.addSql('create table author (id integer not null primary key autoincrement, name text not null)');
    this.addSql('create unique index author_name_unique on author (name)');
    this.addSql(
      'create table book (id integer not null primary key autoincrement, title text not null, author_id integer not null, ' +
        'constraint book_author_id_foreign foreign key (author_id) references author (id) on update cascade)',
    );
  }
  down() {
    this.addSql('drop table book');
    this.addSql('drop table author');
  }
}

const open = () =>
  MikroORM.init({
    dbName: 'mikro-orm.db',
    entities: [Author, Book],
    extensions: [Migrator],
    migrations: { migrationsList: [{ name: 'First', class: First }], snapshot: false },
    attachDatabases: [{ name: 'audit', path: `${process.cwd()}/mikro-orm-audit.db` }],
    logger: () => {},
    ...(way === 'direct'
      ? { driverOptions: new SqliteDialect({ database: async () => new Database('mikro-orm.db') }) }
      : {}),
  });

const orm = await open();
const second = await open();
const ran = await orm.migrator.up();

await orm.em.fork().transactional(async em => {
  em.create(Author, { name: 'Ada', books: [{ title: 'Notes' }, { title: 'Letters' }] });
  await em.flush();
  await em
    .transactional(async inner => {
      inner.create(Author, { name: 'Inner' });
      await inner.flush();
      throw new Error('undo');
    })
    .catch(() => {});
});
const rolledBack = await outcome(() =>
  orm.em.fork().transactional(async em => {
    em.create(Author, { name: 'Nobody' });
    await em.flush();
    throw new Error('rolled back');
  }),
);
const connection = orm.em.getConnection();
await connection.execute('create table audit.log (line text)');
await connection.execute('insert into audit.log values (?)', ['one']);

console.log(
  JSON.stringify({
    migrations: ran.map(({ name }) => name),
    authors: await orm.em
      .fork()
      .find(Author, {}, { populate: ['books'], orderBy: { name: 'asc', books: { title: 'asc' } } }),
    rolledBack,
    otherConnection: await second.em.fork().count(Book),
    attached: await second.em.getConnection().execute('select line from audit.log'),
    unique: await outcome(() => orm.em.fork().insert(Author, { name: 'Ada' })),
    foreignKey: await outcome(() => orm.em.fork().insert(Book, { title: 'x', author: 999 })),
    synchronous: (await connection.execute('PRAGMA synchronous')).map(row => row.synchronous),
    unsafe: await outcome(() => connection.execute('PRAGMA synchronous = OFF')),
    reverted: (await orm.migrator.down()).map(({ name }) => name),
  }),
);
await orm.close();
await second.close();
