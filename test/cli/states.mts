/** Makes one folder with a database (or what stands in its place) for each state that an operator meets. */
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  utimesSync,
  mkdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { writeFenceMarker } from '../../dist/filesystem/fence-marker.js';
import { crashedWal, elsewhere, holding, hotJournal } from '../doctor/check-input.mts';
import { run, type Lab } from '../mounts/lab.mts';

/** A user who owns nothing here. */
const nobody = 65_534;
const pageSize = 4096;

export interface State {
  readonly name: string;
  /** Runs the command line as this user; `null`: as the one who runs the tests. */
  readonly uid: number | null;
  /** Puts the state into the folder, and gives the path that an operator would type. */
  readonly make: (t: TestContext, lab: Lab) => string | Promise<string>;
}

/** A closed WAL database with an index: some 30 pages. */
function healthy(file: string): void {
  elsewhere(
    file,
    `const db = new Native(file); db.pragma('journal_mode=WAL'); db.exec('CREATE TABLE note (id INTEGER PRIMARY KEY, text TEXT); CREATE INDEX by_text ON note (text)');
     db.exec("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 400) INSERT INTO note SELECT i, printf('%0100d', i) FROM n"); db.close()`,
  );
}

/** One ext4 filesystem for the state alone, so that its numbers are the same everywhere. */
function disk(lab: Lab, ...mkfs: readonly string[]): string {
  return lab.mount('-o', 'loop', lab.image(32 << 20, 'mkfs.ext4', '-q', ...mkfs));
}

function onDisk(change: (file: string, t: TestContext) => unknown): State['make'] {
  return async (t, lab) => {
    const file = join(disk(lab), 'app.db');
    healthy(file);
    await change(file, t);
    return file;
  };
}

function overwrite(file: string, offset: number, bytes: Buffer): void {
  const content = readFileSync(file);
  bytes.copy(content, offset);
  writeFileSync(file, content);
}

/** Takes what is left of a filesystem, except `keep` bytes. */
function fill(folder: string): void {
  spawnSync('sh', ['-c', `cat /dev/zero > ${join(folder, 'fill')} 2> /dev/null`]);
}

const states: readonly State[] = [
  { name: 'healthy', uid: null, make: onDisk(() => {}) },
  {
    name: 'crashed',
    uid: null,
    make: (_t, lab) => {
      const file = join(disk(lab), 'app.db');
      crashedWal(file);
      return file;
    },
  },
  {
    name: 'hot-journal',
    uid: null,
    make: (_t, lab) => {
      const file = join(disk(lab), 'app.db');
      hotJournal(file);
      return file;
    },
  },
  {
    name: 'damaged-page',
    uid: null,
    // The root of the index: a page that a check of the table alone does not read.
    make: onDisk(file => overwrite(file, 2 * pageSize, Buffer.alloc(pageSize, 0xab))),
  },
  { name: 'damaged-header', uid: null, make: onDisk(file => overwrite(file, 16, Buffer.alloc(84, 0xff))) },
  { name: 'cut-off', uid: null, make: onDisk(file => truncateSync(file, statSync(file).size - 5 * pageSize)) },
  { name: 'empty', uid: null, make: onDisk(file => truncateSync(file, 0)) },
  {
    name: 'folder',
    uid: null,
    make: (_t, lab) => {
      const path = join(disk(lab), 'app.db');
      mkdirSync(path);
      return path;
    },
  },
  { name: 'missing', uid: null, make: (_t, lab) => join(disk(lab), 'app.db') },
  {
    name: 'no-rights',
    uid: nobody,
    make: onDisk(file => {
      chmodSync(file, 0o600);
      chmodSync(join(file, '..'), 0o755);
    }),
  },
  {
    name: 'in-use',
    uid: null,
    make: onDisk((file, t) =>
      holding(t, file, `const db = new Native(file); db.exec("INSERT INTO note (text) VALUES ('new')")`),
    ),
  },
  {
    name: 'fenced',
    uid: null,
    make: onDisk(file => {
      const time = new Date(Date.now() - 3_600_000).toISOString();
      writeFenceMarker({ file, time, code: 'SQLITE_IOERR_FSYNC', operation: 'commit', message: 'disk I/O error' });
    }),
  },
  {
    name: 'orphaned-wal',
    uid: null,
    make: (_t, lab) => {
      const file = join(disk(lab), 'app.db');
      crashedWal(file);
      rmSync(file);
      return file;
    },
  },
  {
    name: 'foreign-wal',
    uid: null,
    // An old backup was copied over the name of a service that had been killed, and its -wal forgotten.
    make: (_t, lab) => {
      const home = disk(lab);
      const file = join(home, 'app.db');
      healthy(join(home, 'backup.db'));
      crashedWal(file);
      // The service was killed a minute ago.
      const then = new Date(Date.now() - 60_000);
      utimesSync(`${file}-wal`, then, then);
      copyFileSync(join(home, 'backup.db'), file);
      rmSync(join(home, 'backup.db'));
      return file;
    },
  },
  {
    name: 'read-only-ground',
    uid: null,
    make: (_t, lab) => {
      const home = disk(lab);
      healthy(join(home, 'app.db'));
      run('mount', '-o', 'remount,ro', home);
      return join(home, 'app.db');
    },
  },
  { name: 'full-disk', uid: null, make: onDisk(file => fill(join(file, '..'))) },
  {
    name: 'no-inode',
    uid: null,
    make: (_t, lab) => {
      const home = disk(lab, '-N', '16');
      healthy(join(home, 'app.db'));
      spawnSync('sh', ['-c', `i=0; while : > ${home}/f$i; do i=$((i+1)); done 2> /dev/null`]);
      return join(home, 'app.db');
    },
  },
];

export { states };
