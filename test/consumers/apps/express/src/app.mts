// An Express 5 service; the handlers of safe-sqlite/express must fit the types of Express as they are.
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import express, { type ErrorRequestHandler, type RequestHandler } from 'express';
import { openDatabase } from 'safe-sqlite';
import { healthRoute, sqliteErrorHandler } from 'safe-sqlite/express';

const db = openDatabase('app.db', { logger: false });
db.exec('CREATE TABLE users (email TEXT UNIQUE)');
const insert = db.prepare<[string]>('INSERT INTO users VALUES (?)');

const health: RequestHandler = healthRoute(db);
const errors: ErrorRequestHandler = sqliteErrorHandler({ retryAfterSeconds: 2 });

const app = express();
app.get('/health', health);
app.get('/users/:email', (request, response) => {
  response.json(insert.run(request.params.email));
});
app.use(errors);

const server = app.listen(0, '127.0.0.1');
await once(server, 'listening');
const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
const statuses: number[] = [];
for (const path of ['/health', '/users/a', '/users/a', '/nothing']) statuses.push((await fetch(base + path)).status);
server.close();
db.close();
console.log(JSON.stringify(statuses));
