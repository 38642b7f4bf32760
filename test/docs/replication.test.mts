import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { blocksOf, programFolder } from './page.mts';

describe('docs/replication.md', () => {
  test('its program leaves the WAL to Litestream, also when it closes', t => {
    const [program, configuration, ...more] = blocksOf('replication.md');
    assert.deepEqual([program?.language, configuration?.language, more], ['js', 'yaml', []]);
    const use = "db.exec('CREATE TABLE t (a)');\ndb.close();\n";
    const folder = programFolder(t, { 'app.mjs': `${program?.text ?? ''}${use}` });
    const { status, stderr } = spawnSync(process.execPath, ['app.mjs'], { cwd: folder, encoding: 'utf8' });
    assert.equal(status, 0, stderr);
    assert.equal(existsSync(join(folder, 'app.db-wal')), true);
  });
});
