// A handle that is never closed: it is collected after the environment of this file is torn down (see collect.js), and only
// then is there something to log.
const fs = require('node:fs');
const Database = require('safe-sqlite');

test('forgets a handle', () => {
  const db = new Database(':memory:');
  db.events.on('closed', () => {
    fs.writeFileSync(process.env.COLLECTED, '');
    throw new Error('too late');
  });
});
