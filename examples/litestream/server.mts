/** A ledger of transfers and a log of events over one database that Litestream replicates: it checkpoints, we do not. */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { openDatabase } from 'safe-sqlite';
import { answerForError, answerForHealth } from 'safe-sqlite/express';

interface Transfer {
  readonly from: string;
  readonly to: string;
  readonly amount: number;
}

interface Answer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
}

const db = openDatabase(process.env['DATABASE'] ?? 'ledger.db', {
  journalMode: 'wal', // Litestream reads the WAL: on ground without one it is better not to start
  checkpoint: { owner: 'external' },
});
db.exec(`
  CREATE TABLE IF NOT EXISTS events (id INTEGER PRIMARY KEY, text TEXT NOT NULL);
  CREATE TABLE IF NOT EXISTS accounts (name TEXT PRIMARY KEY, balance INTEGER NOT NULL DEFAULT 0);
  CREATE TABLE IF NOT EXISTS transfers (id INTEGER PRIMARY KEY, "from" TEXT, "to" TEXT, amount INTEGER NOT NULL)`);
const log = db.prepare<[string], { id: number }>('INSERT INTO events (text) VALUES (?) RETURNING id');
const book = db.prepare<[string, number]>(
  'INSERT INTO accounts VALUES (?, ?) ON CONFLICT DO UPDATE SET balance = balance + excluded.balance',
);
const note = db.prepare<Transfer, { id: number }>(
  'INSERT INTO transfers ("from", "to", amount) VALUES (@from, @to, @amount) RETURNING id',
);
const transfer = db.transaction((order: Transfer) => {
  book.run(order.from, -order.amount);
  book.run(order.to, order.amount);
  return note.get(order);
});

/** What each route answers with 201: its commit is on stable storage then, and not yet in the replica. */
const routes: Readonly<Record<string, (body: string) => unknown>> = {
  '/events': body => db.write(() => log.get(body)),
  '/transfers': body => transfer.immediate(JSON.parse(body) as Transfer),
};

async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { method, url = '' } = request;
  const route = method === 'POST' ? routes[url] : undefined;
  try {
    if (url === '/health') send(response, answerForHealth(db));
    else if (route === undefined) send(response, { status: 404 });
    else send(response, { status: 201, body: await route(await text(request)) });
  } catch (error) {
    send(response, answerForError(error) ?? { status: 500 });
  }
}

function send(response: ServerResponse, answer: Answer): void {
  response.writeHead(answer.status, { ...answer.headers }).end(JSON.stringify(answer.body));
}

const server = createServer((request, response) => void serve(request, response));
server.listen(Number(process.env['PORT'] ?? 3000), '127.0.0.1');
await once(server, 'listening');
console.log(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);

process.once('SIGTERM', () => {
  // Closes without a checkpoint: what is in the WAL is Litestream's to copy.
  server.close(() => void db[Symbol.asyncDispose]());
});
