// The server of docs/deployment.md, whose route writes; `RAW=1` is the same on better-sqlite3 alone.
import { createServer } from 'node:http';
import Raw from 'better-sqlite3';
import { openDatabase } from 'safe-sqlite';

const raw = process.env.RAW === '1';
const file = process.env.DATABASE;
const db = raw ? new Raw(file) : openDatabase(file);
if (raw) db.pragma('journal_mode = WAL');
db.exec('CREATE TABLE IF NOT EXISTS notes (id TEXT PRIMARY KEY, pid INTEGER)');
const insert = db.prepare('INSERT INTO notes VALUES (?, ?)');
const write = async id => (raw ? insert.run(id, process.pid) : db.write(() => insert.run(id, process.pid)));

const server = createServer((request, response) => {
  write(request.url).then(
    () => response.end('written\n'),
    error => {
      response.statusCode = 503;
      response.end(String(error));
    },
  );
});
server.listen(process.env.PORT);

for (const signal of ['SIGTERM', 'SIGINT']) {
  process.once(signal, () => {
    server.close(async () => {
      await (raw ? db.close() : db[Symbol.asyncDispose]());
      if (process.connected) process.disconnect();
    });
    server.closeIdleConnections();
  });
}
