import Database = require('safe-sqlite');

const db: Database.Database = new Database('app.db');
const error: Database.SqliteBusyError = new Database.SqliteBusyError('busy', 'SQLITE_BUSY');

void [db, error];
