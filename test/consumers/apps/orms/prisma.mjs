import { PrismaBetterSqlite3 } from '@prisma/adapter-better-sqlite3';
import { openDatabase } from 'safe-sqlite';
import { PrismaClient } from './generated/client.ts';
import { outcome } from './outcome.mjs';

// Runs the SQL of `prisma migrate deploy`; its engine is a download that a test should not need.
const migration = openDatabase('prisma.db');
migration.exec(`
  CREATE TABLE "Author" ("id" INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, "name" TEXT NOT NULL);
  CREATE UNIQUE INDEX "Author_name_key" ON "Author"("name");
  CREATE TABLE "Book" ("id" INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, "title" TEXT NOT NULL, "authorId" INTEGER NOT NULL,
    CONSTRAINT "Book_authorId_fkey" FOREIGN KEY ("authorId") REFERENCES "Author" ("id") ON DELETE RESTRICT ON UPDATE CASCADE);
`);
migration.close();

const open = () => new PrismaClient({ adapter: new PrismaBetterSqlite3({ url: 'file:./prisma.db' }) });
const prisma = open();
const second = open();

await prisma.author.create({ data: { name: 'Ada', books: { create: [{ title: 'Notes' }, { title: 'Letters' }] } } });
await prisma.$transaction(async tx => {
  await tx.author.create({ data: { name: 'Kept' } });
});
const rolledBack = await outcome(() =>
  prisma.$transaction(async tx => {
    await tx.author.create({ data: { name: 'Nobody' } });
    throw new Error('rolled back');
  }),
);

console.log(
  JSON.stringify({
    authors: await prisma.author.findMany({
      include: { books: { orderBy: { title: 'asc' } } },
      orderBy: { name: 'asc' },
    }),
    rolledBack,
    otherConnection: await second.book.count(),
    unique: await prisma.author.create({ data: { name: 'Ada' } }).catch(error => error.code),
    foreignKey: await prisma.book.create({ data: { title: 'x', authorId: 999 } }).catch(error => error.code),
    synchronous: (await prisma.$queryRawUnsafe('PRAGMA synchronous')).map(row => Number(row.synchronous)),
    unsafe: await prisma.$executeRawUnsafe('PRAGMA synchronous = OFF').then(
      () => 'accepted',
      error => /SAFE_SQLITE_\w+|PRAGMA synchronous/.exec(error.message)?.[0] ?? error.message,
    ),
  }),
);
await prisma.$disconnect();
await second.$disconnect();
