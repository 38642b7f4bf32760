/** The database that a member is called on, and what became of a call. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import Native from 'better-sqlite3';
import { Database } from 'safe-sqlite';
import type { Subject } from './members.mts';

let count = 0;

/** A database with three rows in a folder of its own, and what the member called `name` needs beside it. */
export function makeSubject(root: string, name: string): Subject {
  const folder = join(root, String((count += 1)));
  mkdirSync(folder);
  const file = join(folder, 'a.db');
  const db = new Database(file, { logger: false, timeout: 0 });
  db.exec('CREATE TABLE t (a); INSERT INTO t VALUES (1), (2), (3)');
  if (name === 'db.detach') db.attach(join(folder, 'aux.db'), 'aux');
  if (name === 'restoreDatabase') {
    const reader = new Native(file, { readonly: true });
    reader.prepare('VACUUM INTO ?').run(join(folder, 'backup.db'));
    reader.close();
  }
  return { db, file, folder, select: db.prepare('SELECT * FROM t'), insert: db.prepare('INSERT INTO t VALUES (?)') };
}

/** `'ok'`, or the name of the class of what it threw or rejected with. A promise that is not settled in time is `'hangs'`. */
export async function outcomeOf(call: () => unknown): Promise<string> {
  const limit = Promise.withResolvers<string>();
  const timer = setTimeout(() => limit.resolve('hangs'), 20_000);
  try {
    const settled = Promise.resolve(call()).then(() => 'ok');
    return await Promise.race([settled, limit.promise]);
  } catch (error) {
    return error instanceof Error && error.message !== '' ? error.constructor.name : `not an error: ${String(error)}`;
  } finally {
    clearTimeout(timer);
  }
}
