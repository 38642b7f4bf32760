/** A service that opens the database, reads and writes as services do, has its pages checked, and prints what `health()` says. */
import { openDatabase } from 'safe-sqlite';

const [file = ''] = process.argv.slice(2);

function tell(error: unknown): void {
  const { code, message } = error as { code?: string; message: string };
  console.log(`${code ?? 'no code'}: ${message}`);
}

function attempt(what: string, run: () => unknown): void {
  try {
    run();
  } catch (error) {
    process.stdout.write(`${what}: `);
    tell(error);
  }
}

try {
  const db = openDatabase(file, { logger: false, fileMustExist: true });
  attempt('read', () => db.prepare('SELECT count(*) FROM sqlite_schema').get());
  attempt('write', () =>
    db.exec('CREATE TABLE IF NOT EXISTS visits (at TEXT); INSERT INTO visits VALUES (zeroblob(2000000))'),
  );
  await db.verify().catch(error => {
    process.stdout.write('verify: ');
    tell(error);
  });
  const { status, reasons, next } = db.health();
  console.log(`health: ${status}`);
  for (const reason of reasons) console.log(`  ${reason}`);
  if (next !== null) console.log(`Next: ${next}`);
  attempt('close', () => db.close());
} catch (error) {
  process.stdout.write('open: ');
  tell(error);
  const { hint } = error as { hint?: string };
  if (hint !== undefined) console.log(hint);
}
