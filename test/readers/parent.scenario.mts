/** A program with readers that do something, for tests that end it. */
import { openDatabase } from 'safe-sqlite';
import { endless, untilRunning } from './fixture.mts';

const [file = '', what = 'busy'] = process.argv.slice(2);
const db = openDatabase(file, { logger: false, readers: { max: 2, idleMs: 3_600_000 } });
if (what === 'leaves') {
  // Idle readers and an abandoned iterator do not keep the process alive.
  await db.reader.get('SELECT 1');
  await db.reader.iterate('SELECT id FROM t').next();
  console.log('read');
} else if (what === 'awaits') {
  console.log(JSON.stringify(await db.reader.get('SELECT count(*) AS n FROM t a, t b')));
} else if (what === 'times-out') {
  await db.reader.get('SELECT 1');
  const read = db.reader.all(endless, [], { timeoutMs: 300 });
  await untilRunning(db);
  console.log(db.health().readers.running[0]?.pid);
  const error = await read.catch((error: unknown) => error);
  const { killed, lost, counts } = db.health().readers;
  console.log(JSON.stringify([(error as Error).name, killed, lost, counts.timeout]));
} else {
  db.reader.all(endless).catch(() => {});
  await db.reader.get('SELECT 1');
  console.log('ready');
  if (what === 'exits') process.exit(0);
  if (what === 'throws') throw new Error('as programs do');
  setInterval(() => {}, 1000);
}
