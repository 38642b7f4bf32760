import { join } from 'node:path';
import { openDatabase } from 'safe-sqlite';

// Opened where it is loaded, as most applications do; `next build` loads each route.
export const db = openDatabase(join(process.cwd(), 'shared.db'), { logger: false });
db.exec('CREATE TABLE IF NOT EXISTS loaded (pid INTEGER PRIMARY KEY, asked INTEGER NOT NULL DEFAULT 0)');
db.prepare('INSERT OR IGNORE INTO loaded (pid) VALUES (?)').run(process.pid);
