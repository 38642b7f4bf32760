// Fences a file twice in one process: the first fault is the one that is reported.
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { SqliteIoError } from 'safe-sqlite';
import { faultOf, fenceFiles, forgetFault } from '../../dist/fence/fence.js';

const folder = mkdtempSync(join(tmpdir(), 'safe-sqlite-first-fault-'));
after(() => rmSync(folder, { recursive: true, force: true }));

test('a second fault changes neither the fence nor its marker', () => {
  const file = join(folder, 'app.db');
  writeFileSync(file, '');
  const fenced = { key: 'first-fault', file };
  after(() => forgetFault(fenced.key));
  fenceFiles([fenced], new SqliteIoError('the disk', 'SQLITE_IOERR_FSYNC'), 'COMMIT');
  const [fault, marker] = [faultOf(fenced.key), readFileSync(`${file}-fenced`, 'utf8')];
  assert.equal(fault?.code, 'SQLITE_IOERR_FSYNC');
  fenceFiles([fenced], new SqliteIoError('the disk again', 'SQLITE_IOERR_WRITE'), 'checkpoint');
  assert.deepEqual([faultOf(fenced.key), readFileSync(`${file}-fenced`, 'utf8')], [fault, marker]);
});
