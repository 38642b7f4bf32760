/** `npm start`: opens the database, says what was decided about it, and serves until a signal comes. */
import { mkdirSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { dirname } from 'node:path';
import { openDatabase } from 'safe-sqlite';
import { createApp } from './app.mts';

const file = process.env['DATABASE'] ?? 'data/notes.db';
const port = Number(process.env['PORT'] ?? 3000);

mkdirSync(dirname(file), { recursive: true });
const db = openDatabase(file);
const { plan } = db;
console.log(`database   ${plan.file} (SQLite ${plan.sqliteVersion})`);
console.log(`filesystem ${plan.filesystem?.type} (${plan.filesystem?.class})`);
console.log(`decided    journal_mode=${plan.journalMode}, synchronous=${plan.synchronous}`);
for (const reason of plan.reasons) console.log(`           ${reason}`);
for (const { message } of plan.warnings) console.log(`warning    ${message}`);

const server = createApp(db).listen(port, '127.0.0.1', error => {
  if (error !== undefined) throw error;
  const { address, port: chosen } = server.address() as AddressInfo;
  console.log(`listening  http://${address}:${chosen}`);
});

function shutDown(): void {
  // No new requests; the ones that run finish, their writes are committed, the last checkpoint is made.
  server.close(() => {
    void db[Symbol.asyncDispose]().then(() => console.log('closed'));
  });
}
process.once('SIGINT', shutDown);
process.once('SIGTERM', shutDown);
