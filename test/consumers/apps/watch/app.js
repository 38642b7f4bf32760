// A server as one develops it: `node --watch app.js` ends it with a signal at each change and starts it again.
import { appendFileSync } from 'node:fs';
import { openDatabase } from 'safe-sqlite';
import { version } from './version.js';

const db = openDatabase('app.db', { logger: false });
db.exec('CREATE TABLE IF NOT EXISTS notes (id INTEGER PRIMARY KEY, version INTEGER)');
const insert = db.prepare('INSERT INTO notes (version) VALUES (?)');
let warnings = 0;
db.events.on('warning', ({ code }) => (warnings += code === 'no-journal' ? 0 : 1));
for (;;) {
  const { lastInsertRowid } = await db.write(() => insert.run(version));
  // The acknowledgement: what is in this file must be in the database.
  appendFileSync('acknowledged', `${version} ${lastInsertRowid} ${warnings}\n`);
  await new Promise(resolve => setTimeout(resolve, 1));
}
