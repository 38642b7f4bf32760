/**
 * Writes readings in the main thread while threads make heavy reports of them, each with a connection of its own. What is
 * only SQL needs no thread: `db.reader` runs it in a process that a limit can end.
 */
import { openDatabase } from 'safe-sqlite';
import { Reporter } from './reporter.mts';

const threads = 2;
const rounds = 5;
const sensors = ['attic', 'cellar', 'garden'];

const db = openDatabase(process.env['DATABASE'] ?? 'readings.db');
db.exec('CREATE TABLE IF NOT EXISTS readings (id INTEGER PRIMARY KEY, sensor TEXT NOT NULL, value REAL NOT NULL)');
const insert = db.prepare('INSERT INTO readings (sensor, value) VALUES (?, ?)');

// The same SQLite in every thread: the registry admits any number of its connections to one file.
const reporters = Array.from({ length: threads }, () => new Reporter(db.plan.file ?? ''));

let reporting = true;
async function write(): Promise<number> {
  let written = 0;
  for (; reporting; written += sensors.length) {
    await Promise.all(sensors.map(sensor => db.write(() => insert.run(sensor, 20 + 5 * Math.random()))));
  }
  return written;
}
const writing = write();

for (let round = 1; round <= rounds; round++) {
  const [first] = await Promise.all(reporters.map(reporter => reporter.report()));
  const means = first?.sensors.map(({ sensor, mean }) => `${sensor} ${mean.toFixed(1)}`).join(', ');
  console.log(`report ${round}: ${first?.readings} readings, ${means}`);
}
reporting = false;
console.log(`written: ${await writing}`);

const { highest } = (await db.reader.get<{ highest: number }>('SELECT max(value) AS highest FROM readings', [], {
  timeoutMs: 5000,
})) ?? { highest: NaN };
console.log(`highest: ${highest.toFixed(1)}`);

// The threads first: the last connection to close makes the last checkpoint, and leaves no -wal.
await Promise.all(reporters.map(reporter => reporter.close()));
await db[Symbol.asyncDispose]();
console.log('closed');
