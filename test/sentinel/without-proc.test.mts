import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';

const require = createRequire(import.meta.url);
const folder = realpathSync(mkdtempSync(join(tmpdir(), 'safe-sqlite-noproc-')));
after(() => rmSync(folder, { recursive: true, force: true }));

/** Runs a command where `/proc` is an empty folder, as on a system that has none. */
const hidden = ['--mount', 'sh', '-c', 'mount -t tmpfs none /proc && exec "$@"', 'sh'];
const able = spawnSync('unshare', [...hidden, 'true']).status === 0;

test(
  'without /proc the locks are unsupported, and the files are watched all the same',
  { skip: able ? false : 'needs the right to mount (root, and unshare of util-linux)' },
  () => {
    const script = `
      const fs = require('fs');
      const { createSentinel } = require(${JSON.stringify(require.resolve('../../dist/sentinel/file-sentinel.js'))});
      const { openDatabase } = require(${JSON.stringify(require.resolve('safe-sqlite'))});
      const file = process.argv[1];
      const db = openDatabase(file, { logger: false });
      db.exec('CREATE TABLE t(a)');
      const { dev, ino } = fs.statSync(file, { bigint: true });
      const sentinel = createSentinel({ file, identity: { dev, ino }, journalMode: 'wal', transaction: () => 'none', addon: null });
      const { locks, reason } = sentinel.status();
      const healthy = ['commit', 'interval', 'survey'].map(moment => sentinel.check(moment));
      fs.renameSync(file, file + '.moved');
      let refused = null;
      try { db.exec('INSERT INTO t VALUES (1)') } catch (error) { refused = error.name }
      process.stdout.write(JSON.stringify({ locks, reason, healthy, refused }));`;
    const output = execFileSync('unshare', [...hidden, process.execPath, '-e', script, join(folder, 'app.db')], {
      encoding: 'utf8',
    });
    const { reason, ...rest } = JSON.parse(output) as Record<string, unknown>;
    assert.deepEqual(rest, { locks: 'unsupported', healthy: [null, null, null], refused: 'FileReplacedError' });
    assert.match(String(reason), /^\/proc\/self\/fd cannot be read/);
  },
);
