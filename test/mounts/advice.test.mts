// The advice of each finding, followed to its end as an operator would: the commands as they are printed, what the sentence
// asks for by hand, and then the finding is gone and every row is there. One row for each code of the catalogue.
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  chownSync,
  copyFileSync,
  existsSync,
  linkSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import { diagnose, type Finding, inspectFilesystem } from 'safe-sqlite';
import { findingCodes } from '../../dist/doctor/finding-codes.js';
import { writeFenceMarker } from '../../dist/filesystem/fence-marker.js';
import { dist } from '../backup/fixture.mts';
import { crashedWal, elsewhere, holding, hotJournal } from '../doctor/check-input.mts';
import { until } from '../support/until.mts';
import { createLab, makeLab, run, waitUntilReleased, whyNoMounts, type Lab } from './lab.mts';

const skip = whyNoMounts('mkfs.ext4', 'tune2fs', 'e2fsck', 'losetup');
const MiB = 1 << 20;
const rows = 400;

interface Situation {
  /** Path that the operator asks the doctor about. */
  readonly file: string;
  /** Where the database stands afterwards, if the advice moves it. */
  readonly movedTo?: string;
  /** Commands that are for another outcome than the one that this row has. */
  readonly otherwise?: RegExp;
  /** Exit codes that say the advice is followed; 0 and 3 where none are named. */
  readonly exits?: readonly number[];
  /** Rows of the table `note` once the advice was followed; `null` where the state has no such table. */
  readonly expected?: number | null;
  /** What the sentence asks for beyond the commands; it runs after them. */
  readonly byHand?: (finding: Finding) => unknown;
  /** The same before them. */
  readonly first?: (finding: Finding) => unknown;
  /** A command as printed and what stands for its placeholder. */
  readonly fill?: Readonly<Record<string, string>>;
}

type Advised = (t: TestContext, lab: Lab) => Situation | Promise<Situation>;

function healthy(file: string): void {
  elsewhere(
    file,
    `const db = new Native(file); db.pragma('journal_mode=WAL'); db.exec('CREATE TABLE note (id INTEGER PRIMARY KEY, text TEXT); CREATE INDEX by_text ON note (text)');
     db.exec("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${rows}) INSERT INTO note SELECT i, printf('%0100d', i) FROM n"); db.close()`,
  );
}

/** A database on an ext4 filesystem of its own. */
function onDisk(lab: Lab, ...mkfs: readonly string[]): string {
  const file = join(lab.mount('-o', 'loop', lab.image(32 * MiB, 'mkfs.ext4', '-q', ...mkfs)), 'app.db');
  healthy(file);
  return file;
}

/** The same after ext4 has met an error, whose policy is `onError`. */
function failedFilesystem(t: TestContext, lab: Lab, onError: 'remount-ro' | 'continue'): Situation {
  const file = onDisk(lab, '-e', onError);
  const mount = dirname(file);
  const device = run('findmnt', '-n', '-o', 'SOURCE', mount).trim();
  const trigger = `/sys/fs/ext4/${basename(device)}/trigger_fs_error`;
  if (!existsSync(trigger)) {
    t.skip('needs trigger_fs_error of ext4');
    return { file: '' };
  }
  const image = run('losetup', '-n', '-O', 'BACK-FILE', device).trim();
  writeFileSync(trigger, 'the disk of this test');
  return {
    file,
    byHand: () => {
      lab.umount(mount);
      // The report's own command looks; -p mends what it asks for.
      spawnSync('e2fsck', ['-fp', image]);
      lab.mountAt(mount, '-o', 'loop', image);
    },
  };
}

/** The same with a backup beside it, as the schedule makes it. */
function withBackup(lab: Lab): string {
  const file = onDisk(lab);
  const folder = join(dirname(file), 'backups');
  mkdirSync(folder);
  elsewhere(
    file,
    `const { openDatabase } = require(${JSON.stringify(dist('index.js'))});
     const db = openDatabase(file, { logger: false, backup: { directory: ${JSON.stringify(folder)} } });
     db.events.once('backup', () => db.close())`,
  );
  assert.ok(
    readdirSync(folder).some(name => name.endsWith('.db')),
    readdirSync(folder).join(),
  );
  return file;
}

/** Damages the file, and gives the row that the salvage and the restore are followed with. */
function damagedBy(damage: (file: string) => void): Advised {
  return (_t, lab) => {
    const file = withBackup(lab);
    damage(file);
    return { file };
  };
}

function overwrite(file: string, offset: number, bytes: Buffer): void {
  const content = readFileSync(file);
  bytes.copy(content, offset);
  writeFileSync(file, content);
}

function start(file: string): void {
  elsewhere(
    file,
    `const { openDatabase } = require(${JSON.stringify(dist('index.js'))}); openDatabase(file, { logger: false }).close()`,
  );
}

/** The state of each finding and what its advice asks for; a string says why it cannot be followed here. */
const advised: Readonly<Record<string, Advised | string>> = {
  fenced: (_t, lab) => {
    const file = onDisk(lab);
    const time = new Date(Date.now() - 3_600_000).toISOString();
    writeFenceMarker({ file, time, code: 'SQLITE_IOERR_FSYNC', operation: 'commit', message: 'disk I/O error' });
    const mount = dirname(file);
    const aside = lab.folder('aside');
    return {
      file,
      // The first command clears it; the second is for a check that fails.
      first: () => {
        run('cp', '-a', file, aside);
        const [device] = run('findmnt', '-n', '-o', 'SOURCE', mount).trim().split('\n');
        const image = run('losetup', '-n', '-O', 'BACK-FILE', device ?? '').trim();
        lab.umount(mount);
        lab.mountAt(mount, '-o', 'loop', image);
      },
      otherwise: / restore /,
    };
  },
  'no-database': (_t, lab) => {
    const file = withBackup(lab);
    rmSync(file);
    return { file };
  },
  'not-a-database': damagedBy(file => overwrite(file, 0, Buffer.alloc(4096, 0x5a))),
  'damaged-header': damagedBy(file => overwrite(file, 16, Buffer.alloc(84, 0xff))),
  'cut-off': damagedBy(file => truncateSync(file, statSync(file).size - 5 * 4096)),
  damaged: damagedBy(file => overwrite(file, 2 * 4096, Buffer.alloc(4096, 0xab))),
  'empty-database': damagedBy(file => truncateSync(file, 0)),
  'hard-link': (_t, lab) => {
    const file = onDisk(lab);
    linkSync(file, join(dirname(file), 'second.db'));
    return { file, byHand: () => rmSync(join(dirname(file), 'second.db')) };
  },
  'cannot-open': (_t, lab) => {
    const file = onDisk(lab);
    renameSync(file, join(dirname(file), 'data'));
    mkdirSync(file);
    // "Give the path of the database file itself": what stands in its way is moved.
    return { file, byHand: () => (renameSync(file, `${file}.folder`), renameSync(join(dirname(file), 'data'), file)) };
  },
  refused: 'for a refusal that is newer than the catalogue: none is',
  'orphaned-journal': (_t, lab) => {
    const file = onDisk(lab);
    elsewhere(
      file,
      `const db = new Native(file); db.pragma('wal_autocheckpoint=0'); db.exec("INSERT INTO note (text) VALUES ('in the -wal')"); process.kill(process.pid, 'SIGKILL')`,
    );
    renameSync(file, `${file}.moved`);
    return { file, byHand: () => renameSync(`${file}.moved`, file), expected: rows + 1 };
  },
  'wal-crashed': (_t, lab) => {
    const file = join(lab.mount('-o', 'loop', lab.image(32 * MiB, 'mkfs.ext4', '-q')), 'app.db');
    crashedWal(file);
    return { file, expected: null, byHand: () => assert.ok(!existsSync(`${file}-wal`)) };
  },
  'wal-not-closed': 'wal-crashed in a container: the same row',
  'wal-older-than-database': 'test/cli/states.test.mts follows it under a database that it damages',
  'wal-damaged': (_t, lab) => {
    const file = join(lab.mount('-o', 'loop', lab.image(32 * MiB, 'mkfs.ext4', '-q')), 'app.db');
    crashedWal(file);
    overwrite(`${file}-wal`, 32 + 24 + 100, Buffer.alloc(50, 0xab));
    const aside = lab.folder('aside');
    return {
      file,
      expected: null,
      fill: { '<other storage>': aside },
      // The copy is the only place where the rest is: it is whole, and the program can start.
      byHand: () => {
        assert.deepEqual(readFileSync(join(aside, 'app.db-wal')), readFileSync(`${file}-wal`));
        start(file);
      },
    };
  },
  'wal-damaged-live': async (t, lab) => {
    const file = onDisk(lab);
    const holder = await holding(
      t,
      file,
      `const db = new Native(file); db.pragma('wal_autocheckpoint=0'); db.exec("INSERT INTO note (text) VALUES ('kept in the cache')")`,
    );
    overwrite(`${file}-wal`, 32 + 24 + 100, Buffer.alloc(50, 0xab));
    const copy = join(lab.folder('copy'), 'copy.db');
    return {
      file,
      fill: { '<destination>': copy },
      // Damaged frames cannot be copied from outside: the copy comes from inside the process, or this command fails.
      byHand: async () => {
        holder.kill('SIGKILL');
        await once(holder, 'exit');
        start(file);
      },
    };
  },
  'wal-header-damaged': (_t, lab) => {
    const file = join(lab.mount('-o', 'loop', lab.image(32 * MiB, 'mkfs.ext4', '-q')), 'app.db');
    crashedWal(file);
    overwrite(`${file}-wal`, 0, Buffer.alloc(32, 0xab));
    return {
      file,
      expected: null,
      byHand: () => {
        run('sh', '-c', `cp -a ${file}* ${lab.folder('aside')}`);
        start(file);
      },
    };
  },
  'wal-missing': (_t, lab) => {
    const file = onDisk(lab);
    elsewhere(
      file,
      `const db = new Native(file); db.pragma('wal_autocheckpoint=0'); db.exec("INSERT INTO note (text) VALUES ('in the -wal')"); process.kill(process.pid, 'SIGKILL')`,
    );
    renameSync(`${file}-wal`, `${file}.moved-wal`);
    return { file, byHand: () => renameSync(`${file}.moved-wal`, `${file}-wal`), expected: rows + 1 };
  },
  'wal-large': (_t, lab) => {
    const file = join(lab.mount('-o', 'loop', lab.image(300 * MiB, 'mkfs.ext4', '-q')), 'app.db');
    healthy(file);
    elsewhere(
      file,
      `const db = new Native(file); db.pragma('wal_autocheckpoint=0'); db.exec('CREATE TABLE big (a)');
       for (let i = 0; i < 30; i += 1) db.exec('DELETE FROM big; INSERT INTO big VALUES (zeroblob(4000000))'); process.kill(process.pid, 'SIGKILL')`,
    );
    return { file };
  },
  'wal-nothing-committed': 'asks for nothing',
  'reader-behind': async (t, lab) => {
    const file = onDisk(lab);
    const reader = await holding(
      t,
      file,
      `const db = new Native(file); db.exec('BEGIN'); db.prepare('SELECT * FROM note').all()`,
    );
    await holding(t, file, `const db = new Native(file); db.exec("INSERT INTO note (text) VALUES ('new')")`);
    return {
      file,
      expected: rows + 1,
      byHand: async () => {
        reader.kill('SIGTERM');
        await once(reader, 'exit');
      },
    };
  },
  'hot-journal': (_t, lab) => {
    const file = join(lab.mount('-o', 'loop', lab.image(32 * MiB, 'mkfs.ext4', '-q')), 'app.db');
    hotJournal(file);
    return { file, expected: null, byHand: () => start(file) };
  },
  'journal-unwritten': 'asks for nothing',
  'deleted-file-in-use': async (_t, lab) => {
    const file = onDisk(lab);
    const child = spawn(
      process.execPath,
      [
        '-e',
        `const { openDatabase } = require(${JSON.stringify(dist('index.js'))});
         const db = openDatabase(${JSON.stringify(file)}, { logger: false, sentinel: 'off' });
         db.prepare('SELECT * FROM note').all(); console.log('ready');
         process.on('SIGUSR2', () => { db.exec("VACUUM INTO '${file}.saved'"); process.exit(0) });
         setInterval(() => {}, 1000)`,
      ],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    );
    await once(child.stdout, 'data');
    for (const suffix of ['', '-wal', '-shm']) rmSync(`${file}${suffix}`, { force: true });
    healthy(file);
    return {
      file,
      byHand: async () => {
        // "let any other one run `VACUUM INTO` with a new name"
        child.kill('SIGUSR2');
        const [code] = (await once(child, 'exit')) as [number];
        assert.equal(code, 0);
        assert.equal(count(`${file}.saved`), rows);
        rmSync(`${file}.saved`);
      },
    };
  },
  'stopped-holder': async (t, lab) => {
    const file = onDisk(lab);
    const holder = await holding(t, file, `const db = new Native(file); db.exec('BEGIN IMMEDIATE')`);
    process.kill(holder.pid ?? 0, 'SIGSTOP');
    await until(() => /^State:\s+T/m.test(readFileSync(`/proc/${holder.pid}/status`, 'utf8')), 'it is suspended');
    return { file, byHand: () => stop(holder) };
  },
  writing: async (t, lab) => {
    const file = onDisk(lab);
    const holder = await holding(t, file, `const db = new Native(file); db.exec('BEGIN IMMEDIATE')`);
    return { file, byHand: () => stop(holder) };
  },
  'locks-lost': async (t, lab) => {
    const file = onDisk(lab);
    const saved = `${file}.saved`;
    const holder = await holding(
      t,
      file,
      `const db = new Native(file); db.prepare('SELECT * FROM note').all(); require('fs').readFileSync(file);
       process.on('SIGUSR2', () => { db.exec("VACUUM INTO '${saved}'"); process.exit(0) })`,
    );
    return {
      file,
      byHand: async () => {
        holder.kill('SIGUSR2');
        await once(holder, 'exit');
        assert.equal(count(saved), rows);
        rmSync(saved);
      },
    };
  },
  'plain-descriptor': async (t, lab) => {
    const file = onDisk(lab);
    const holder = await holding(
      t,
      file,
      `const db = new Native(file); db.prepare('SELECT * FROM note').all(); globalThis.fd = require('fs').openSync(file)`,
    );
    return { file, byHand: () => stop(holder) };
  },
  'written-without-sqlite': async (t, lab) => {
    const file = onDisk(lab);
    const holder = await holding(t, file, `const db = require('fs').openSync(file, 'r+')`);
    return { file, byHand: () => stop(holder) };
  },
  'read-without-sqlite': async (t, lab) => {
    const file = onDisk(lab);
    const holder = await holding(t, file, `const db = require('fs').openSync(file)`);
    return { file, byHand: () => stop(holder) };
  },
  'several-sqlite-copies': 'another program is the cure; test/doctor/diagnose.test.mts has the finding',
  'unsafe-filesystem': (_t, lab) => {
    const file = onDisk(lab);
    run('mount', '-o', 'remount,ro', dirname(file));
    // "Copy the database to a place that can be written": the mount is that place again.
    return { file, byHand: () => run('mount', '-o', 'remount,rw', dirname(file)) };
  },
  'file-is-mount-point': (_t, lab) => {
    const source = onDisk(lab);
    const file = join(dirname(onDisk(lab)), 'mounted.db');
    writeFileSync(file, '');
    run('mount', '--bind', source, file);
    return {
      file,
      // "Mount the folder, not the file"
      byHand: () => {
        run('umount', file);
        rmSync(file);
        copyFileSync(source, file);
      },
    };
  },
  'filesystem-stopped': 'the same row as filesystem-read-only: the kernel decides how it says it',
  'filesystem-read-only': (t, lab) => failedFilesystem(t, lab, 'remount-ro'),
  'no-answer': 'test/mounts/doctor.test.mts has the finding: its daemon is dead',
  'storage-error': 'a disk that cannot be read is replaced',
  'not-durable': 'moved to a disk, as the row of non-durable-filesystem',
  'journal-mode-changes': 'asks for nothing',
  'non-durable-filesystem': (_t, lab) => {
    const file = join(lab.mount('-t', 'tmpfs', 'none'), 'app.db');
    healthy(file);
    const movedTo = join(lab.mount('-o', 'loop', lab.image(32 * MiB, 'mkfs.ext4', '-q')), 'app.db');
    return { file, movedTo, byHand: () => run('mv', file, movedTo) };
  },
  'container-layer': 'needs a container engine; test/filesystem has its mount tables',
  'pod-lifetime': 'needs a cluster; test/filesystem has its mount tables',
  'volatile-overlay': (_t, lab) => {
    const place = lab.mount('-o', 'loop', lab.image(32 * MiB, 'mkfs.ext4', '-q'));
    for (const name of ['lower', 'upper', 'work', 'merged']) mkdirSync(join(place, name));
    const at = (name: string): string => join(place, name);
    const options = `lowerdir=${at('lower')},upperdir=${at('upper')},workdir=${at('work')}`;
    const overlay = (extra: string): void =>
      void run('mount', '-t', 'overlay', '-o', `${options}${extra}`, 'overlay', at('merged'));
    overlay(',volatile');
    const file = join(at('merged'), 'app.db');
    healthy(file);
    return {
      file,
      // "Mount the overlay without `volatile`": the kernel marks the work folder of a volatile one.
      byHand: () => {
        run('umount', at('merged'));
        rmSync(join(at('work'), 'work', 'incompat'), { recursive: true, force: true });
        overlay('');
      },
    };
  },
  'no-write-barrier': (_t, lab) => {
    const file = onDisk(lab);
    run('mount', '-o', 'remount,barrier=0', dirname(file));
    return { file };
  },
  // 1 of e2fsck(8): what the new journal needed was corrected.
  'no-journal': (_t, lab) => ({ file: onDisk(lab, '-O', '^has_journal'), exits: [0, 1] }),
  'asynchronous-journal': (_t, lab) => {
    const image = lab.image(32 * MiB, 'mkfs.ext4', '-q');
    const mount = lab.mount('-o', 'loop,data=writeback,journal_checksum,journal_async_commit', image);
    const file = join(mount, 'app.db');
    healthy(file);
    return { file, byHand: () => (lab.umount(mount), lab.mountAt(mount, '-o', 'loop', image)) };
  },
  'nested-filesystem': (t, lab) => {
    const memory = lab.mount('-t', 'tmpfs', 'none');
    const image = join(memory, 'image');
    writeFileSync(image, '');
    truncateSync(image, 32 * MiB);
    run('mkfs.ext4', '-q', image);
    const mount = lab.mount('-o', 'loop', image);
    const file = join(mount, 'app.db');
    healthy(file);
    const disk = lab.folder('disk');
    if (!inspectFilesystem(disk).durable) {
      t.skip(`${disk} is not on a durable disk, so the image has no better place on this machine`);
      return { file: '' };
    }
    return {
      file,
      // "Move the image … to a disk of this machine"
      byHand: () => {
        lab.umount(mount);
        const moved = join(lab.folder('disk'), 'image');
        run('cp', '--sparse=always', image, moved);
        lab.mountAt(mount, '-o', 'loop', moved);
      },
    };
  },
  'crash-unsafe-filesystem': 'moved to ext4, as the row of non-durable-filesystem',
  'sync-setting-unseen': 'needs ZFS',
  'stacked-filesystem': 'test/mounts has the finding; the database is moved below the stack',
  'single-sandbox': 'needs gVisor',
  'mount-not-visible': 'the doctor is run outside the chroot',
  'synchronised-folder': 'the database is moved out of the folder',
  'network-mount-options': 'needs a server; the database is moved to a disk',
  'filesystem-failed': 'the row of filesystem-read-only',
  'filesystem-errors': (t, lab) => failedFilesystem(t, lab, 'continue'),
  'disk-errors': 'asks for another look',
  'disk-read-only': 'a worn-out disk is replaced',
  'device-suspended': 'needs a device mapper',
  'raid-degraded': 'needs a RAID',
  'raid-mismatches': 'needs a RAID',
  'disk-full': (_t, lab) => {
    const file = onDisk(lab);
    spawnSync('sh', ['-c', `cat /dev/zero > ${join(dirname(file), 'old.log')} 2> /dev/null`]);
    return { file, byHand: () => rmSync(join(dirname(file), 'old.log')) };
  },
  'disk-nearly-full': (_t, lab) => {
    const file = onDisk(lab, '-m', '0');
    const free = Number(run('df', '--output=avail', '-B1', dirname(file)).trim().split('\n').at(-1));
    writeFileSync(join(dirname(file), 'old.log'), Buffer.alloc(free - 1_200_000));
    return { file, byHand: () => rmSync(join(dirname(file), 'old.log')) };
  },
  'no-room-for-a-copy': 'asks for nothing now',
  'few-inodes': (_t, lab) => {
    const file = onDisk(lab, '-N', '16');
    const folder = dirname(file);
    spawnSync('sh', ['-c', `i=0; while : > ${folder}/f$i; do i=$((i+1)); done 2> /dev/null`]);
    return { file, byHand: () => run('sh', '-c', `rm ${folder}/f*`) };
  },
  quota: 'asks for a look',
  'cannot-look': 'runs the doctor as root, which these tests are; test/doctor/diagnose.test.mts has the finding',
  'not-readable': 'the test below follows it as another user',
  'not-writable': 'the test below follows it as another user',
  'folder-not-writable': 'the test below follows it as another user',
  attribute: (_t, lab) => {
    const file = onDisk(lab);
    run('chattr', '+a', file);
    return { file };
  },
  'world-writable': (_t, lab) => {
    const file = onDisk(lab);
    chmodSync(file, 0o666);
    return { file };
  },
  'world-writable-folder': (_t, lab) => {
    const file = onDisk(lab);
    chmodSync(dirname(file), 0o777);
    return { file };
  },
  'sidecar-of-another': (_t, lab) => {
    const file = onDisk(lab);
    elsewhere(
      file,
      `const db = new Native(file); db.pragma('wal_autocheckpoint=0'); db.exec("INSERT INTO note (text) VALUES ('by root')"); process.kill(process.pid, 'SIGKILL')`,
    );
    chownSync(file, 1234, 1234);
    chownSync(`${file}-wal`, 0, 0);
    return { file, expected: rows + 1 };
  },
  'owner-differs': 'asks for nothing',
  'sqlite-version': 'npm installs another version',
  'written-by-unsafe-sqlite': 'another program is updated',
  'no-backup': (_t, lab) => {
    const file = onDisk(lab);
    // "and schedule them": the schedule's own folder is where the doctor looks.
    const folder = join(dirname(file), 'backups');
    return {
      file,
      fill: { '<destination>': join(lab.folder('copy'), 'copy.db') },
      byHand: () => {
        mkdirSync(folder);
        elsewhere(
          file,
          `const { openDatabase } = require(${JSON.stringify(dist('index.js'))});
           const db = openDatabase(file, { logger: false, backup: { directory: ${JSON.stringify(folder)} } });
           db.events.once('backup', () => db.close())`,
        );
      },
    };
  },
  'old-backup': 'asks for a look at the log',
  'backup-changed': (_t, lab) => {
    const file = withBackup(lab);
    const folder = join(dirname(file), 'backups');
    const [name = ''] = readdirSync(folder).filter(each => each.endsWith('.db'));
    truncateSync(join(folder, name), statSync(join(folder, name)).size - 4096);
    // "Check it, and make a new one": the check says that it is damaged, with exit code 1.
    return { file, exits: [1], byHand: () => run('sh', '-c', `rm ${join(folder, name)}*`) };
  },
  rescue: (_t, lab) => {
    const file = onDisk(lab);
    const rescue = `${file}.rescued-20261121T120000.000Z.db`;
    copyFileSync(file, rescue);
    return { file, byHand: () => run('mv', rescue, lab.folder('aside')) };
  },
  synchronized: (_t, lab) => {
    const file = onDisk(lab);
    const conflict = join(dirname(file), 'app (conflicted copy 2026-11-21).db');
    copyFileSync(file, conflict);
    return { file, byHand: () => run('mv', conflict, lab.folder('aside')) };
  },
  'plain-copies': (_t, lab) => {
    const file = onDisk(lab);
    copyFileSync(file, `${file}.bak`);
    return {
      file,
      fill: { '<destination>': join(lab.folder('copy'), 'copy.db') },
      byHand: () => rmSync(`${file}.bak`),
    };
  },
  'kept-by-restore': (_t, lab) => {
    const file = onDisk(lab);
    const kept = `${file}.before-restore-20261121T120000000Z`;
    copyFileSync(file, kept);
    return { file, byHand: () => rmSync(kept) };
  },
  'unfinished-backup': 'asks for nothing',
};

/** Codes of one finding that the kernel, or what can be seen from here, decides between. */
const aliases: Readonly<Record<string, readonly string[]>> = {
  'wal-crashed': ['wal-crashed', 'wal-not-closed'],
  'filesystem-read-only': ['filesystem-read-only', 'filesystem-stopped'],
};

async function stop(holder: Awaited<ReturnType<typeof holding>>): Promise<void> {
  const ended = once(holder, 'exit');
  holder.kill('SIGTERM');
  await ended;
}

function count(file: string): number {
  const text = `const Native = require('better-sqlite3'); const db = new Native(process.argv[1]); console.log(db.prepare('SELECT count(*) FROM note').pluck().get()); db.close()`;
  const { stdout, stderr } = spawnSync(process.execPath, ['-e', text, file], {
    encoding: 'utf8',
    cwd: import.meta.dirname,
  });
  assert.match(stdout, /^\d+\n$/, stderr);
  return Number(stdout);
}

/** What is printed behind `$`, in a shell; a command of this package is the built one. */
function follow(command: string, { fill = {}, exits = [0, 3] }: Situation): void {
  let line = command.replace(/^(sudo )?npx safe-sqlite/, `'${process.execPath}' '${dist('cli/bin.js')}'`);
  for (const [placeholder, value] of Object.entries(fill)) line = line.replaceAll(placeholder, value);
  assert.doesNotMatch(line, /<[a-z ]+>/, 'a placeholder has no value');
  const { status, stdout, stderr } = spawnSync('sh', ['-c', line], { encoding: 'utf8' });
  // 3: the command worked, and says what is still wrong.
  assert.ok(exits.includes(status ?? -1), `${command}: ${status} ${stdout}${stderr}`);
  const unmounted = /^umount (\S+)$/.exec(line)?.[1];
  if (unmounted !== undefined) waitUntilReleased(unmounted);
}

test('every finding that is more than "as it should be" has a row', () => {
  const serious = Object.entries(findingCodes)
    .filter(([, { levels }]) => levels.some(level => level !== 'ok'))
    .map(([code]) => code);
  assert.deepEqual(Object.keys(advised).toSorted(), serious.toSorted());
});

describe('advice, followed to its end', { skip }, () => {
  const lab = skip === false ? makeLab() : null;
  for (const [code, advise] of Object.entries(advised)) {
    if (typeof advise === 'string') continue;
    test(code, async t => {
      assert.ok(lab !== null);
      const situation = await advise(t, lab);
      const { file, movedTo = file, expected = rows, first, byHand, otherwise } = situation;
      if (file === '') return;
      const diagnosis = await diagnose(file);
      const same = aliases[code] ?? [code];
      const finding = diagnosis.findings.find(each => same.includes(each.code));
      assert.ok(finding !== undefined, `no ${code} in: ${diagnosis.findings.map(each => each.code).join(', ')}`);
      assert.ok(finding.action !== null, 'it says what to do');
      await first?.(finding);
      const aside = lab.folder('aside');
      for (const command of finding.commands) {
        if (otherwise?.test(command) === true) continue;
        follow(command, { ...situation, fill: { '<other storage>': aside, ...situation.fill } });
      }
      await byHand?.(finding);
      const after = await diagnose(movedTo);
      assert.ok(
        !after.findings.some(each => same.includes(each.code)),
        `still: ${JSON.stringify(after.findings.filter(each => each.level !== 'ok'))}`,
      );
      if (expected !== null) assert.equal(count(movedTo), expected);
    });
  }
});

test(
  'not-readable, not-writable, folder-not-writable: the rights are given as the sentence says, and the user can read, then write',
  { skip },
  async () => {
    using lab = createLab();
    const file = onDisk(lab);
    // The folder of the lab is for root alone.
    chmodSync(lab.root, 0o755);
    const nobody = 65_534;
    chmodSync(file, 0o644);
    chmodSync(dirname(file), 0o755);
    const as = (...line: readonly string[]) =>
      spawnSync(
        'setpriv',
        [`--reuid=${nobody}`, `--regid=${nobody}`, '--clear-groups', process.execPath, dist('cli/bin.js'), ...line],
        { encoding: 'utf8' },
      );
    chmodSync(file, 0o600);
    const refused = as('verify', file);
    assert.equal(refused.status, 1);
    assert.match(refused.stderr, /PROBLEM \(not-readable\)[\s\S]*the right to read\./);
    assert.match(as('doctor', file).stdout, /PROBLEM \(not-readable\)/);
    chmodSync(file, 0o644);
    assert.equal(as('verify', file).status, 0);
    const before = as('doctor', file);
    assert.doesNotMatch(before.stdout, /not-readable/);
    assert.match(before.stdout, /PROBLEM \(not-writable\)[\s\S]*Give this user the right to write the file\./);
    chownSync(file, nobody, nobody);
    const halfway = as('doctor', file);
    assert.doesNotMatch(halfway.stdout, /PROBLEM \(not-writable\)/);
    assert.match(
      halfway.stdout,
      /PROBLEM \(folder-not-writable\)[\s\S]*right to write the folder \(not only the file\)/,
    );
    chownSync(dirname(file), nobody, nobody);
    const after = as('doctor', file);
    assert.doesNotMatch(after.stdout, /not-writable/);
    assert.equal(as('checkpoint', file).status, 0);
  },
);
