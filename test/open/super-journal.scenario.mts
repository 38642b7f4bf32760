/** A transaction over app.db and side.db that the test cuts off. */
import { join } from 'node:path';
import Native from 'better-sqlite3';
import { ownFolder, serve } from '../support/fault-scenario.mts';

let db: Native.Database;

serve({
  open({ main, side }: { main: string; side: string }) {
    db = new Native(join(ownFolder(), main));
    db.prepare('ATTACH ? AS side').run(join(ownFolder(), side));
    for (const schema of ['main', 'side'])
      db.exec(
        `CREATE TABLE ${schema}.t(state TEXT, filler BLOB); WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n
         WHERE i < 30) INSERT INTO ${schema}.t SELECT 'before', zeroblob(3000) FROM n`,
      );
  },
  commit() {
    db.exec(`BEGIN; UPDATE main.t SET state = 'after'; UPDATE side.t SET state = 'after'; COMMIT`);
  },
});
