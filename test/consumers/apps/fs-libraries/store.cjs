const fs = require('fs');
const Database = require('safe-sqlite');

exports.open = file => {
  const db = new Database(file, { logger: false });
  db.exec('CREATE TABLE IF NOT EXISTS t (a)');
  return { db, settings: () => fs.readFileSync('settings.json', 'utf8'), read: () => fs.readFileSync(file) };
};
