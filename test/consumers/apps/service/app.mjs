// A service as it is usually written over better-sqlite3. The test changes the first import, and nothing else.
import Database from 'better-sqlite3';
import cluster from 'node:cluster';
import fs from 'node:fs';
import path from 'node:path';
import express from 'express';

const file = path.resolve('app.db');

if (cluster.isPrimary && process.env.WORKERS) {
  for (let each = 0; each < Number(process.env.WORKERS); each += 1) cluster.fork();
  process.on('SIGTERM', () => {
    for (const worker of Object.values(cluster.workers)) worker.process.kill('SIGTERM');
  });
} else {
  serve();
}

function serve() {
  const db = new Database(file, { timeout: 10_000 });
  db.pragma('journal_mode = WAL');
  db.pragma('synchronous = NORMAL');
  db.pragma('cache_size = -64000');
  db.pragma('foreign_keys = ON');
  db.pragma('temp_store = MEMORY');
  db.pragma('mmap_size = 268435456');
  db.exec(`
    CREATE TABLE IF NOT EXISTS customers (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
    CREATE TABLE IF NOT EXISTS orders (
      id INTEGER PRIMARY KEY,
      customer INTEGER NOT NULL REFERENCES customers,
      cents INTEGER NOT NULL CHECK (cents > 0),
      at TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP
    );
  `);

  const findCustomer = db.prepare('SELECT id FROM customers WHERE name = ?').pluck();
  const addCustomer = db.prepare('INSERT INTO customers (name) VALUES (?)');
  const addOrder = db.prepare('INSERT INTO orders (customer, cents) VALUES (@customer, @cents)');
  const order = db.transaction((name, cents) => {
    const customer = findCustomer.get(name) ?? addCustomer.run(name).lastInsertRowid;
    return addOrder.run({ customer, cents }).lastInsertRowid;
  });

  const app = express();
  app.use(express.json());
  app.post('/orders', (request, response) => {
    try {
      response.status(201).json({ id: order.immediate(request.body.name, request.body.cents) });
    } catch (error) {
      if (error instanceof Database.SqliteError && error.code.startsWith('SQLITE_CONSTRAINT')) {
        response.status(422).json({ code: error.code });
      } else throw error;
    }
  });
  app.get('/orders', (request, response) => {
    response.json({
      orders: db.prepare('SELECT count(*) FROM orders').pluck().get(),
      sums: db
        .prepare('SELECT name, sum(cents) AS cents FROM customers JOIN orders ON customer = customers.id GROUP BY 1')
        .all(),
    });
  });
  // What a timer does at three in the morning.
  app.post('/night', async (request, response) => {
    const { totalPages } = await db.backup('backup.db');
    const old = path.join(path.dirname(file), `archive-${request.query.night}.db`);
    db.prepare('ATTACH ? AS archive').run(old);
    try {
      db.exec('CREATE TABLE archive.orders AS SELECT * FROM main.orders');
    } finally {
      db.prepare('DETACH DATABASE archive').run();
    }
    db.pragma('wal_checkpoint(TRUNCATE)');
    db.pragma('optimize');
    response.json({ pages: totalPages > 0, size: fs.statSync('backup.db').size > 0 });
  });
  app.get('/download', (request, response) => response.download(path.resolve(request.query.file)));

  const server = app.listen(Number(process.env.PORT ?? 0), '127.0.0.1', () => {
    process.stdout.write(`${server.address().port}\n`);
  });
  process.on('SIGTERM', () => {
    server.close(() => {
      db.close();
      process.exit(0);
    });
    server.closeAllConnections();
  });
}
