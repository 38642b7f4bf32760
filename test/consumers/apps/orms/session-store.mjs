import { once } from 'node:events';
import { createRequire } from 'node:module';
import express from 'express';
import session from 'express-session';
import createStore from 'better-sqlite3-session-store';
import { Database as SafeDatabase } from 'safe-sqlite';
import { outcome, way } from './outcome.mjs';

const Database = way === 'direct' ? SafeDatabase : createRequire(import.meta.url)('better-sqlite3');
const client = new Database('sessions.db');
const SqliteStore = createStore(session);

const app = express();
app.use(session({ store: new SqliteStore({ client }), secret: 'a secret', resave: false, saveUninitialized: false }));
app.get('/', (request, response) => {
  request.session.visits = (request.session.visits ?? 0) + 1;
  response.json(request.session.visits);
});
app.get('/leave', (request, response) => request.session.destroy(() => response.end()));
const server = app.listen(0, '127.0.0.1');
await once(server, 'listening');
const base = `http://127.0.0.1:${server.address().port}`;

const first = await fetch(base);
const headers = { cookie: first.headers.get('set-cookie').split(';')[0] };
const visits = [await first.json()];
for (let visit = 0; visit < 2; visit += 1) visits.push(await (await fetch(base, { headers })).json());
const stored = client.prepare('SELECT count(*) FROM sessions').pluck();
const before = stored.get();
await fetch(`${base}/leave`, { headers });

console.log(
  JSON.stringify({
    visits,
    before,
    after: stored.get(),
    synchronous: client.pragma('synchronous').map(row => row.synchronous),
    unsafe: await outcome(() => client.exec('PRAGMA synchronous = OFF')),
  }),
);
// The store keeps a timer for as long as the process runs.
process.exit();
