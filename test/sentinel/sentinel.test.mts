import assert from 'node:assert/strict';
import { once } from 'node:events';
import fs from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { setImmediate as immediate } from 'node:timers/promises';
import type * as NodeSqlite from 'node:sqlite';
import { Worker } from 'node:worker_threads';
import Native from 'better-sqlite3';
import { databaseDescriptors } from '../../dist/proc/foreign-descriptors.js';
import type { Loss } from '../../dist/sentinel/finding.js';
import { identityOf } from '../support/identity.mts';
import { closeLive, openLive, type Live } from '../support/live.mts';
import { installSecondCopy } from '../support/second-copy.mts';

const require = createRequire(import.meta.url);
const folder = fs.mkdtempSync(join(tmpdir(), 'safe-sqlite-sentinel-'));
after(() => fs.rmSync(folder, { recursive: true, force: true }));
const linux = process.platform === 'linux' ? false : 'needs the /proc of Linux';
let count = 0;
const fresh = (): string => join(folder, `${count++}.db`);

/** Opens, does the harm, and gives what the sentinel says at the next commit. */
async function harmed(harm: (file: string, live: Live) => unknown, mode = 'wal'): Promise<Loss> {
  const file = fresh();
  const live = openLive(file, mode);
  live.db.exec('INSERT INTO t VALUES (1)');
  for (const moment of ['commit', 'interval', 'survey'] as const) assert.equal(live.sentinel.check(moment), null);
  await harm(file, live);
  const finding = live.sentinel.check('commit');
  assert.deepEqual(live.sentinel.check('interval'), finding);
  closeLive(live);
  assert.ok(finding, 'nothing was found');
  return finding;
}

/** Each hazard that cancels the locks of a raw connection. */
const lockThieves: Record<string, (file: string) => unknown> = {
  'fs.readFileSync': file => fs.readFileSync(file),
  'fs.readFileSync of a URL': file => fs.readFileSync(new URL(`file://${file}`)),
  'fs.copyFileSync': file => fs.copyFileSync(file, `${file}.copy`),
  'fs.promises.readFile': file => fs.promises.readFile(file),
  'fs.cpSync': file => fs.cpSync(file, `${file}.copy`),
  'fs.openAsBlob': async file => {
    await (await fs.openAsBlob(file)).arrayBuffer();
    // Node closes the descriptor of a blob after the last read has resolved.
    while (databaseDescriptors({ file, identity: identityOf(file) }).some(({ opener }) => opener === 'plain'))
      await immediate();
  },
  'a read stream': file => once(fs.createReadStream(file).resume(), 'close'),
  'a write stream': file => once(fs.createWriteStream(file, { flags: 'r+' }).end(), 'close'),
  'a FileHandle': async file => (await fs.promises.open(file, 'r')).close(),
  'a worker thread': async file =>
    once(new Worker(`require('fs').readFileSync(${JSON.stringify(file)})`, { eval: true }), 'exit'),
  'a hard link that is read': file => {
    fs.linkSync(file, `${file}.link`);
    fs.readFileSync(`${file}.link`);
    fs.unlinkSync(`${file}.link`);
  },
};

describe('locks cancelled in this process', { skip: linux }, () => {
  for (const [name, harm] of Object.entries(lockThieves)) {
    test(name, async () => {
      const finding = await harmed(harm);
      assert.equal(finding.kind, 'locksLost');
      assert.equal(finding.filesLost, false);
      assert.deepEqual(finding.details['missing'], ['SHARED']);
    });
  }

  test('reading the -shm', async () => {
    const finding = await harmed(file => fs.readFileSync(`${file}-shm`));
    assert.deepEqual(finding.details['missing'], ['DMS']);
  });

  test('reading the -shm in a write transaction, which takes the write lock away', async () => {
    const finding = await harmed((file, live) => {
      live.db.exec('BEGIN IMMEDIATE');
      live.state = 'writing';
      fs.readFileSync(`${file}-shm`);
    });
    assert.deepEqual(finding.details['missing'], ['DMS', 'WAL_WRITE']);
  });

  test('reading the -wal, or a descriptor by O_PATH, takes nothing away', () => {
    const file = fresh();
    const live = openLive(file);
    fs.readFileSync(`${file}-wal`);
    fs.closeSync(fs.openSync(file, 0o10000000));
    fs.statSync(file);
    assert.equal(live.sentinel.check('survey'), null);
    closeLive(live);
  });

  test('a descriptor of SQLite closed by its number', async () => {
    const finding = await harmed(file => {
      for (const fd of fs.readdirSync('/proc/self/fd')) {
        if (fs.readlinkSync(`/proc/self/fd/${fd}`, { encoding: 'utf8' }) !== file) continue;
        fs.closeSync(Number(fd));
        break;
      }
    }).catch((error: unknown) => error as Loss);
    assert.equal(finding.kind, 'locksLost');
  });

  for (const mode of ['delete', 'truncate', 'persist']) {
    test(`${mode} mode, in a transaction that is known to write`, async () => {
      const finding = await harmed((file, live) => {
        live.db.exec('BEGIN IMMEDIATE');
        live.state = 'writing';
        assert.equal(live.sentinel.check('commit'), null);
        fs.readFileSync(file);
      }, mode);
      assert.deepEqual(finding.details['missing'], ['SHARED', 'RESERVED']);
    });
  }

  for (const mode of ['delete', 'truncate']) {
    test(`${mode} mode, in a transaction of which nothing is known`, async () => {
      const finding = await harmed((file, live) => {
        live.db.exec('BEGIN; INSERT INTO t VALUES (2)');
        assert.equal(live.sentinel.check('commit'), null);
        fs.readFileSync(file);
      }, mode);
      assert.deepEqual(finding.details['missing'], ['RESERVED']);
    });
  }
});

describe('another copy of SQLite', { skip: linux }, () => {
  test('node:sqlite opens and closes: locks and -wal are gone', async () => {
    const finding = await harmed(file => {
      const { DatabaseSync } = require('node:sqlite') as typeof NodeSqlite;
      const other = new DatabaseSync(file);
      other.prepare('SELECT * FROM t').all();
      other.close();
      // The hazard: its close took the locks away and deleted the live -wal.
      assert.equal(fs.existsSync(`${file}-wal`), false);
    });
    assert.equal(finding.kind, 'locksLost');
    assert.equal(finding.filesLost, true);
    assert.ok(finding.culprits.some(culprit => culprit.includes('node:sqlite')));
  });

  test('a second better-sqlite3 is seen by a survey while it is open, and by its lock after it closed', () => {
    const second = installSecondCopy(folder);
    const Second = require(second) as typeof Native;
    const file = fresh();
    const live = openLive(file);
    const other = new Second(file);
    other.prepare('SELECT * FROM t').all();
    const open = live.sentinel.check('survey');
    assert.equal(open?.kind, 'secondCopy');
    assert.ok(open.culprits.some(culprit => culprit.includes(second)));
    other.close();
    assert.equal(live.sentinel.check('commit')?.kind, 'locksLost');
    closeLive(live);
  });
});

/** Each way to take a file away, and what is said about it; it works without /proc. */
const fileThieves: Record<string, [(file: string) => void, kind: string]> = {
  'mv over the database': [
    file => {
      fs.writeFileSync(`${file}.new`, '');
      fs.renameSync(`${file}.new`, file);
    },
    'databaseReplaced',
  ],
  'rename of the database': [file => fs.renameSync(file, `${file}.moved`), 'databaseReplaced'],
  'rm of the database': [file => fs.rmSync(file), 'databaseReplaced'],
  'rm of the -wal': [file => fs.rmSync(`${file}-wal`), 'sidecarReplaced'],
  'rename of the -wal': [file => fs.renameSync(`${file}-wal`, `${file}-wal.bak`), 'sidecarReplaced'],
  'rm of the -shm': [file => fs.rmSync(`${file}-shm`), 'sidecarReplaced'],
  'rm of the -wal, and a new one': [
    file => {
      fs.rmSync(`${file}-wal`);
      fs.writeFileSync(`${file}-wal`, '');
    },
    'sidecarReplaced',
  ],
};

describe('files taken away', () => {
  for (const [name, [harm, kind]] of Object.entries(fileThieves)) {
    test(name, async () => {
      const finding = await harmed(harm);
      assert.equal(finding.kind, kind);
      assert.equal(finding.fatal, true);
      assert.equal(finding.filesLost, true);
    });
  }

  test('a new hard link is a warning, given once', () => {
    const file = fresh();
    const live = openLive(file);
    fs.linkSync(file, `${file}.link`);
    assert.equal(live.sentinel.check('commit'), null);
    const finding = live.sentinel.check('interval');
    assert.equal(finding?.kind, 'hardLinked');
    assert.equal(finding.fatal, false);
    assert.equal(live.sentinel.check('interval'), null);
    closeLive(live);
  });

  test('a plain descriptor is a warning while it is open, given once', { skip: linux }, () => {
    const file = fresh();
    const live = openLive(file);
    const fd = fs.openSync(file, 'r');
    const finding = live.sentinel.check('survey');
    assert.equal(finding?.kind, 'foreignDescriptor');
    assert.deepEqual(finding.details['descriptors'], [fd]);
    assert.equal(live.sentinel.check('survey'), null);
    fs.closeSync(fd);
    assert.equal(live.sentinel.check('survey')?.kind, 'locksLost');
    closeLive(live);
  });
});

describe('no alarm', { skip: linux }, () => {
  test('several connections of one copy come and go, whichever has the lock shown at it', () => {
    const file = fresh();
    const first = new Native(file);
    first.pragma('journal_mode=WAL');
    const live = openLive(file);
    const others = Array.from({ length: 4 }, () => new Native(file));
    for (const other of others) other.prepare('SELECT * FROM t').all();
    const check = (): void => assert.equal(live.sentinel.check('survey'), null);
    check();
    first.close();
    check();
    for (const other of others) {
      other.exec('INSERT INTO t VALUES (1)');
      other.pragma('wal_checkpoint(TRUNCATE)');
      check();
      other.close();
      check();
      const next = new Native(file);
      next.prepare('SELECT * FROM t').all();
      check();
      next.close();
      check();
    }
    live.db.exec('VACUUM');
    check();
    closeLive(live);
  });

  for (const mode of ['delete', 'truncate', 'persist']) {
    test(`${mode} mode: idle, reading, deferred, and while another connection writes`, () => {
      const file = fresh();
      const live = openLive(file, mode);
      const check = (): void => assert.equal(live.sentinel.check('survey'), null);
      live.db.exec('INSERT INTO t VALUES (1), (2), (3)');
      check();
      live.db.exec('BEGIN');
      check();
      live.db.prepare('SELECT * FROM t').all();
      check();
      const other = new Native(file);
      other.exec('BEGIN IMMEDIATE; INSERT INTO t VALUES (4)');
      check();
      live.db.exec('COMMIT');
      check();
      live.db.exec('BEGIN');
      check();
      other.exec('COMMIT');
      check();
      live.db.exec('INSERT INTO t VALUES (5)');
      check();
      other.close();
      check();
      live.db.exec('COMMIT');
      check();
      closeLive(live);
    });
  }

  test('a leaked connection to a deleted file of the same name', () => {
    const file = fresh();
    const leaked = openLive(file);
    for (const path of [file, `${file}-wal`, `${file}-shm`]) fs.rmSync(path);
    const live = openLive(file);
    assert.equal(live.sentinel.check('survey'), null);
    assert.equal(leaked.sentinel.check('commit')?.kind, 'databaseReplaced');
    closeLive(live);
    closeLive(leaked);
  });

  test('locking_mode=EXCLUSIVE has stronger locks, and no -shm when it was set first', () => {
    const file = fresh();
    const db = new Native(file);
    db.pragma('locking_mode=EXCLUSIVE');
    db.close();
    const live = openLive(file);
    live.db.pragma('locking_mode=EXCLUSIVE');
    live.db.exec('INSERT INTO t VALUES (1)');
    assert.equal(live.sentinel.check('survey'), null);
    closeLive(live);
  });
});
