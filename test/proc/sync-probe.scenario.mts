/** Opens a database, commits once and says what the library reports of the durability of that commit. */
import BetterSqlite3 from 'better-sqlite3';
import { Database, type Options } from 'safe-sqlite';

const [subject, file = '', accepted] = process.argv.slice(2);
if (subject === 'raw') {
  const db = new BetterSqlite3(file);
  db.pragma('journal_mode = WAL');
  db.pragma('synchronous = FULL');
  db.exec('CREATE TABLE IF NOT EXISTS t (a); INSERT INTO t VALUES (1)');
  console.log('{}');
} else {
  const options: Options = {
    logger: false,
    ...(accepted !== undefined && { dangerously: { allowNonDurableFilesystem: accepted } }),
  };
  const db = new Database(file, options);
  db.exec('CREATE TABLE IF NOT EXISTS t (a); INSERT INTO t VALUES (1)');
  const { status, reasons } = db.health();
  const reader = new Database(file, { ...options, readonly: true });
  const answer = {
    status,
    reasons,
    warnings: db.plan.warnings,
    readonly: reader.plan.warnings.map(({ code }) => code),
    memory: new Database(':memory:', options).plan.warnings.map(({ code }) => code),
  };
  db.close();
  reader.close();
  console.log(JSON.stringify(answer));
}
