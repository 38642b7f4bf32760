/** Every way to change the files of a database past SQLite, on raw better-sqlite3 and on ours: who, what, how, when. */
import assert from 'node:assert/strict';
import { test, describe, after } from 'node:test';
import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { changes, moments, tryChange, writersOf } from './changes.mts';

const folder = realpathSync(mkdtempSync(join(tmpdir(), 'safe-sqlite-changes-')));
after(() => rmSync(folder, { recursive: true, force: true }));
const linux = process.platform === 'linux' ? false : 'needs the /proc of Linux';

/** Every third case; all of them in the long form (`npm run test:fuzz`), which CI runs. */
const stride = process.env['LONG_TESTS'] === undefined ? 3 : 1;
let cases = 0;

describe('changed underneath, same inode', { skip: linux }, () => {
  for (const change of changes) {
    for (const writer of writersOf(change)) {
      for (const moment of moments) {
        if (cases++ % stride !== 0) continue;
        test(`${writer}, ${change.file}, ${change.name}, ${moment}`, async () => {
          // A checkpoint of raw better-sqlite3 mends some of them, and meets others.
          if (change.file !== '-shm' && moment !== 'checkpoint') {
            const raw = await tryChange('raw', { change, writer, moment, folder });
            assert.ok(raw.acknowledged > 0, 'raw better-sqlite3 acknowledges commits behind it');
          }
          const ours = await tryChange('ours', { change, writer, moment, folder });
          // What this process opened and closed has taken the locks away as well, which is noticed first.
          const locks = writer === 'this process' && change.file === 'database';
          assert.equal(ours.error, locks ? 'SAFE_SQLITE_LOCKS_LOST' : 'SAFE_SQLITE_FILE_REPLACED');
          assert.deepEqual(ours.events, [locks ? 'locksLost' : 'fileReplaced', 'fenced']);
          // Before the next commit, or at the latest before the next look.
          assert.equal(ours.acknowledged, 0);
          assert.equal(ours.checkpoints, 0, 'a checkpoint has copied something behind it');
        });
      }
    }
  }
});
