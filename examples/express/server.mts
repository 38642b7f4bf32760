/** `npm start`: opens the database, says what was decided about it, and serves until a signal comes. */
import { mkdirSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { dirname, join } from 'node:path';
import { openDatabase } from 'safe-sqlite';
import { createApp } from './app.mts';

const file = process.env['DATABASE'] ?? 'data/notes.db';
const port = Number(process.env['PORT'] ?? 3000);
/** ms that requests have to finish after a signal; `docker stop` and the like kill after ten seconds. */
const graceMs = 5000;

mkdirSync(dirname(file), { recursive: true });
const db = openDatabase(file, {
  // Every hour. Beside the database they outlive a mistake, not the disk: mount another one there.
  backup: { directory: process.env['BACKUPS'] ?? join(dirname(file), 'backups') },
});
const { plan } = db;
console.log(`database   ${plan.file} (SQLite ${plan.sqliteVersion})`);
console.log(`filesystem ${plan.filesystem?.type} (${plan.filesystem?.class})`);
console.log(`decided    journal_mode=${plan.journalMode}, synchronous=${plan.synchronous}`);
for (const reason of plan.reasons) console.log(`           ${reason}`);
// Warnings about the filesystem are in the log.

const server = createApp(db).listen(port, '127.0.0.1', error => {
  if (error !== undefined) {
    const isTaken = (error as NodeJS.ErrnoException).code === 'EADDRINUSE';
    console.error(isTaken ? `Port ${port} is taken. Choose another one: PORT=${port + 1} npm start` : error);
    db.close();
    process.exitCode = 1;
    return;
  }
  const { address, port: chosen } = server.address() as AddressInfo;
  console.log(`listening  http://${address}:${chosen}`);
});

let stopping = false;

function stop(): void {
  // At the second signal no request is waited for; the database closes in order all the same.
  if (stopping) process.exit(1);
  stopping = true;
  console.log('stopping   no new requests');
  // The requests that run finish, what they queued is committed, the last checkpoint leaves no -wal.
  server.close(() => void db[Symbol.asyncDispose]().then(() => console.log('closed')));
  setTimeout(() => server.closeAllConnections(), graceMs).unref();
}
process.on('SIGINT', stop);
process.on('SIGTERM', stop);
