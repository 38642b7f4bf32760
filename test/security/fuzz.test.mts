/**
 * Every parser of bytes and texts that others write, with what they would write: it throws nothing, it answers with values of
 * the types that it promises, and where SQLite reads the same bytes it says the same.
 *
 * `npm test` runs a little of it, `npm run test:fuzz` thirty times as much.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import Native from 'better-sqlite3';
import fc from 'fast-check';
import { readManifest } from '../../dist/backup/manifest.js';
import { databaseIdPath, readDatabaseId } from '../../dist/backup/database-id.js';
import { momentOfName, listBackups, momentOf, stampOf } from '../../dist/backup/folder.js';
import { classifyDarwinMount, darwinMountOf, parseDarwinMounts } from '../../dist/filesystem/darwin/mounts.js';
import { processIdOf, temporaryName } from '../../dist/filesystem/process-id.js';
import { classifyWindowsPath } from '../../dist/filesystem/windows/path.js';
import { parseMountTable, mountOf } from '../../dist/filesystem/linux/mount-table.js';
import { parseShape, isCount, isNullOr, isText } from '../../dist/filesystem/json-shape.js';
import { readFenceMarker } from '../../dist/filesystem/fence-marker.js';
import { readSmallFile } from '../../dist/filesystem/small-file.js';
import { parseDatabaseHeader, readDatabaseHeader } from '../../dist/format/database-header.js';
import { readRollbackJournal } from '../../dist/format/rollback-journal.js';
import { readWalFile } from '../../dist/format/wal-file.js';
import { readWalIndex } from '../../dist/format/wal-index.js';
import { parseFlags, parseTarget } from '../../dist/proc/descriptors.js';
import { parseMaps } from '../../dist/proc/loaded-copies.js';
import { parseLockTable } from '../../dist/proc/lock-table.js';
import { parseLocks } from '../../dist/proc/locks.js';
import { commandOf } from '../../dist/proc/processes.js';
import { openerOf } from '../../dist/proc/foreign-descriptors.js';

const long = process.env['LONG_TESTS'] !== undefined;
const runs = (few: number): { numRuns: number } => ({ numRuns: long ? few * 30 : few });

const folder = mkdtempSync(join(tmpdir(), 'safe-sqlite-fuzz-'));
after(() => rmSync(folder, { recursive: true, force: true }));

/** A change of valid bytes: what a fuzzer of files does. */
const change = fc.oneof(
  fc.record({ kind: fc.constant('flip' as const), at: fc.nat(), bit: fc.nat({ max: 7 }) }),
  fc.record({
    kind: fc.constant('word' as const),
    at: fc.nat(),
    value: fc.constantFrom(0, 1, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff, 512, 65_536, 0x377f_0682, 0x377f_0683),
  }),
  fc.record({ kind: fc.constant('cut' as const), at: fc.nat() }),
  fc.record({ kind: fc.constant('repeat' as const), at: fc.nat(), length: fc.nat({ max: 5000 }) }),
  fc.record({ kind: fc.constant('noise' as const), at: fc.nat(), bytes: fc.uint8Array({ maxLength: 64 }) }),
);
type Change = typeof change extends fc.Arbitrary<infer Value> ? Value : never;

function changed(seed: Buffer, changes: readonly Change[]): Buffer {
  let bytes = Buffer.from(seed);
  for (const each of changes) {
    const at = bytes.length === 0 ? 0 : each.at % bytes.length;
    if (each.kind === 'flip' && bytes.length > 0) bytes[at] = (bytes[at] ?? 0) ^ (1 << each.bit);
    else if (each.kind === 'word' && at + 4 <= bytes.length) bytes.writeUInt32BE(each.value, at);
    else if (each.kind === 'cut') bytes = bytes.subarray(0, at);
    else if (each.kind === 'repeat') bytes = Buffer.concat([bytes, bytes.subarray(at, at + each.length)]);
    else if (each.kind === 'noise') bytes.set(each.bytes.subarray(0, bytes.length - at), at);
  }
  return bytes;
}

const changes = fc.array(change, { maxLength: 4 });
const anyBytes = fc.uint8Array({ maxLength: 400 }).map(bytes => Buffer.from(bytes));

/** A database with a -wal of several transactions, and with a hot -journal. */
function seeds(): { database: Buffer; wal: Buffer; shm: Buffer; journal: Buffer } {
  const file = join(folder, 'seed.db');
  const db = new Native(file);
  db.pragma('page_size = 512');
  db.pragma('journal_mode = WAL');
  db.pragma('wal_autocheckpoint = 0');
  db.exec('CREATE TABLE t (a)');
  for (let row = 0; row < 5; row++) db.exec('INSERT INTO t VALUES (zeroblob(700))');
  const [database, wal, shm] = ['', '-wal', '-shm'].map(suffix => readFileSync(`${file}${suffix}`));
  db.close();
  const other = join(folder, 'journal.db');
  const rollback = new Native(other);
  rollback.exec('CREATE TABLE t (a)');
  rollback.pragma('cache_size = 1');
  rollback.exec('BEGIN');
  for (let row = 0; row < 50; row++) rollback.exec('INSERT INTO t VALUES (zeroblob(3000))');
  const journal = readFileSync(`${other}-journal`);
  rollback.exec('ROLLBACK');
  rollback.close();
  if (database === undefined || wal === undefined || shm === undefined) throw new Error('They are there.');
  return { database, wal, shm, journal };
}
const seed = seeds();

function finite(...values: readonly unknown[]): void {
  for (const value of values) assert.ok(Number.isSafeInteger(value) && (value as number) >= 0, String(value));
}

describe('bytes of the files of SQLite', () => {
  test('a database header', () => {
    const path = join(folder, 'header.db');
    fc.assert(
      fc.property(
        fc.oneof(
          anyBytes,
          changes.map(list => changed(seed.database, list)),
        ),
        bytes => {
          const pure = parseDatabaseHeader(bytes.subarray(0, 100), bytes.length);
          finite(pure.fileBytes, pure.pageSize, pure.freePages, pure.pages ?? 0);
          writeFileSync(path, bytes);
          assert.deepEqual(readDatabaseHeader(path), pure);
        },
      ),
      runs(300),
    );
  });

  test('a -wal: what SQLite recovers is what is counted', () => {
    let recovered = 0;
    const database = join(folder, 'wal.db');
    fc.assert(
      fc.property(changes, list => {
        const wal = changed(seed.wal, list);
        writeFileSync(database, seed.database);
        rmSync(`${database}-shm`, { force: true });
        writeFileSync(`${database}-wal`, wal);
        const ours = readWalFile(`${database}-wal`, 60_000);
        assert.ok(ours !== null && ours.readInFull);
        finite(ours.framesInFile, ours.validFrames, ours.committedFrames, ours.unreachableCommits);
        assert.ok(ours.committedFrames <= ours.validFrames && ours.validFrames <= ours.framesInFile);
        const db = new Native(database);
        try {
          const [row] = db.pragma('wal_checkpoint(PASSIVE)') as { log: number }[];
          assert.equal(ours.committedFrames, Math.max(0, row?.log ?? 0));
          if (ours.committedFrames > 0) recovered++;
        } catch (error) {
          // What was recovered may be damaged in itself.
          assert.match(String((error as { code?: string }).code), /^SQLITE_(?:CORRUPT|NOTADB|IOERR|CANTOPEN)/);
        } finally {
          db.close();
          rmSync(`${database}-wal`, { force: true });
        }
      }),
      runs(200),
    );
    assert.ok(recovered > 20, `${recovered} were recovered`);
  });

  test('a -wal of any bytes', () => {
    const path = join(folder, 'any-wal');
    fc.assert(
      fc.property(anyBytes, bytes => {
        writeFileSync(path, bytes);
        const found = readWalFile(path, 60_000);
        assert.equal(found?.fileBytes, bytes.length);
      }),
      runs(200),
    );
  });

  test('a wal-index', () => {
    const path = join(folder, 'any-shm');
    fc.assert(
      fc.property(
        fc.oneof(
          anyBytes,
          changes.map(list => changed(seed.shm, list)),
        ),
        bytes => {
          writeFileSync(path, bytes);
          const found = readWalIndex(path);
          if (found !== null)
            finite(found.frames, found.copiedFrames, ...found.readMarks.filter(mark => mark !== null));
        },
      ),
      runs(300),
    );
  });

  test('a rollback journal', () => {
    const path = join(folder, 'any-journal');
    fc.assert(
      fc.property(
        fc.oneof(
          anyBytes,
          changes.map(list => changed(seed.journal, list)),
        ),
        bytes => {
          writeFileSync(path, bytes);
          const found = readRollbackJournal(path);
          finite(found?.fileBytes, found?.databasePages, found?.pages ?? 0);
          assert.ok((found?.superJournal?.length ?? 0) <= 4096);
        },
      ),
      runs(300),
    );
  });
});

const member = fc.oneof(fc.jsonValue({ maxDepth: 3 }), fc.constantFrom(-1, 0.5, 1e300, '', 'x'.repeat(70_000)));
const marker = fc.record(
  {
    file: member,
    time: fc.oneof(member, fc.constant('2026-01-01T00:00:00.000Z')),
    pid: member,
    host: member,
    boot: member,
    code: fc.oneof(member, fc.constant('SQLITE_IOERR')),
    operation: member,
    message: member,
    __proto__: member,
    constructor: member,
  },
  { requiredKeys: [] },
);

describe('texts of shared folders', () => {
  test('a fence marker: its members have their types, whatever stands there', () => {
    const file = join(folder, 'marked.db');
    const text = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.json(),
      marker.map(value => JSON.stringify(value)),
    );
    fc.assert(
      fc.property(text, content => {
        writeFileSync(`${file}-fenced`, content);
        const found = readFenceMarker(file);
        assert.ok(found !== null);
        for (const name of ['file', 'time', 'host', 'code', 'operation', 'message'] as const) {
          assert.equal(typeof found[name], 'string');
          assert.ok(found[name].length <= 16_384);
        }
        finite(found.pid);
        assert.ok(found.boot === null || typeof found.boot === 'string');
        assert.deepEqual(Object.keys(found).toSorted(), [
          'boot',
          'code',
          'file',
          'host',
          'message',
          'operation',
          'owner',
          'pid',
          'problem',
          'time',
        ]);
      }),
      runs(500),
    );
    rmSync(`${file}-fenced`);
  });

  test('a manifest, and with it what counts in the folder of backups', async () => {
    const backups = mkdtempSync(join(folder, 'backups-'));
    const path = join(backups, `app-${stampOf(0)}.json`);
    writeFileSync(join(backups, `app-${stampOf(0)}.db`), 'x');
    const source = '/srv/app.db';
    const id = 'a'.repeat(32);
    const valid = {
      format: 2,
      database: id,
      mark: '1.1',
      source,
      created: '2026-01-01T00:00:00.000Z',
      bytes: 1,
      pages: 1,
      sha256: '0'.repeat(64),
      method: 'online',
      verified: 'quick',
      foreignKeyViolations: null,
      sqliteVersion: '3.53.0',
      schemaVersion: 1,
      userVersion: 0,
    };
    const changed = fc
      .tuple(fc.constantFrom(...Object.keys(valid), '__proto__', 'more'), fc.oneof(member, fc.constant(undefined)))
      .map(([name, value]) => JSON.stringify({ ...valid, [name]: value }));
    const text = fc.oneof(fc.string({ unit: 'binary' }), fc.json(), changed, fc.constant(JSON.stringify(valid)));
    let counted = 0;
    await fc.assert(
      fc.asyncProperty(text, async content => {
        writeFileSync(path, content);
        const found = readManifest(path, () => true);
        const [stored] = await listBackups(backups, { source, id, isOwner: () => true });
        assert.ok(stored !== undefined);
        if (found === null) return assert.equal(stored.kind, 'unknown');
        finite(found.bytes, found.pages);
        assert.ok(Number.isFinite(Date.parse(found.created)));
        assert.match(found.sha256, /^[0-9a-f]{64}$/);
        assert.ok(found.source.length <= 16_384);
        if (stored.kind !== 'own') return;
        counted++;
        assert.deepEqual([found.bytes, found.format === 2 && found.database], [1, id]);
      }),
      runs(300),
    );
    assert.ok(counted > 0, 'One that is whole counts.');
  });

  test('the name of a database', () => {
    const file = join(folder, 'named.db');
    writeFileSync(file, '');
    const older = { format: 1, id: 'b'.repeat(32), file, mark: '1.1', place: '', created: '' };
    const valid = { ...older, format: 2, newest: [{ folder: '/b', name: 'named-20261121T120000000Z.db' }] };
    const changed = fc
      .tuple(
        fc.constantFrom<object>(older, valid),
        fc.constantFrom(...Object.keys(valid), 'more'),
        fc.oneof(member, fc.constant(undefined), fc.array(fc.record({ folder: member, name: member }))),
      )
      .map(([whole, name, value]) => JSON.stringify({ ...whole, [name]: value }));
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: 'binary' }), fc.json(), changed), content => {
        writeFileSync(databaseIdPath(file), content);
        const found = readDatabaseId(file);
        assert.notEqual(found.state, 'missing');
        if (found.state === 'known') assert.match(found.id, /^[0-9a-f]{32}$/);
        if (found.state === 'copied') assert.match(found.text.id, /^[0-9a-f]{32}$/);
      }),
      runs(300),
    );
  });

  test('file names that others chose: moments and processes', () => {
    const name = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.stringMatching(/^a?-\d{8}T\d{9}Z(?:-[0-9a-f]{8})?\.db$/),
      fc.stringMatching(/^\.safe-sqlite-[0-9a-f]{8}-\d+-[0-9a-z]+-[0-9a-z]+\.tmp(?:-wal)?$/),
    );
    fc.assert(
      fc.property(name, text => {
        const moment = momentOfName(text);
        if (moment !== null) assert.ok(text.includes(stampOf(moment)) && momentOf(stampOf(moment)) === moment);
        const owner = processIdOf(text);
        if (owner === null) return;
        assert.ok(Number.isFinite(owner.pid) && owner.pid >= 0);
        const { host, started } = owner;
        assert.deepEqual(processIdOf(temporaryName({ host, started, pid: 7 }, 'a')), { host, started, pid: 7 });
      }),
      runs(500),
    );
  });

  test('a shape accepts exactly its own members', () => {
    interface Wanted {
      readonly name: string;
      readonly count: number | null;
    }
    const shape = { name: isText(10), count: isNullOr(isCount) };
    fc.assert(
      fc.property(
        fc.oneof(
          fc.json(),
          fc.record({ name: member, count: member }, { requiredKeys: [] }).map(value => JSON.stringify(value)),
        ),
        text => {
          const value = parseShape<Wanted>(text, shape);
          if (value === null) return;
          assert.deepEqual(Object.keys(value).toSorted(), ['count', 'name']);
          assert.ok(typeof value.name === 'string' && value.name.length <= 10);
          assert.ok(value.count === null || value.count >= 0);
        },
      ),
      runs(500),
    );
    assert.deepEqual(parseShape<Wanted>('{"count":1,"name":"a"}', shape), { name: 'a', count: 1 });
  });

  test('a small file is read to its bound and no further', () => {
    const path = join(folder, 'small');
    fc.assert(
      fc.property(fc.nat({ max: 300 }), fc.nat({ max: 300 }), (size, bound) => {
        writeFileSync(path, 'x'.repeat(size));
        const found = readSmallFile(path, bound);
        assert.equal(found.state, size <= bound ? 'read' : 'refused');
        if (found.state === 'read') assert.equal(found.text.length, size);
      }),
      runs(200),
    );
  });
});

const kernelWord = fc.oneof(
  fc.constantFrom(
    'lock:',
    '1:',
    '->',
    'POSIX',
    'FLOCK',
    'ADVISORY',
    'READ',
    'WRITE',
    'EOF',
    'fe:00:12',
    'flags:',
    '02500002',
    'mnt_id:',
    '-',
    '/',
    'rw',
    'ext4',
    'r-xp',
    '36',
    '35',
    '(deleted)',
    String.raw`\040`,
    String.raw`\134\012`,
  ),
  fc.string({ unit: 'binary', maxLength: 6 }),
  fc.nat().map(String),
  fc.bigInt({ min: 0n, max: 2n ** 70n }).map(String),
);
const kernelText = fc
  .array(fc.tuple(kernelWord, fc.constantFrom(' ', '\t', '\n', '  ', ', ')), { maxLength: 60, size: 'max' })
  .map(parts => parts.flat().join(''));

const real = (path: string): string => {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return '';
  }
};
/** Real text of the kernel with a change in it. */
const mutated = (text: string): fc.Arbitrary<string> =>
  fc
    .tuple(changes, kernelText)
    .map(([list, more]) => `${changed(Buffer.from(text, 'latin1'), list).toString('latin1')}\n${more}`);

const darwinWord = fc.oneof(
  fc.constantFrom(
    '/dev/disk3s1',
    ' on ',
    '/',
    '/System/Volumes/Data',
    ' (',
    ')',
    'apfs',
    ', ',
    'local',
    'read-only',
    '\n',
  ),
  fc.constantFrom(
    '/dev/disk3s5 on /System/Volumes/Data (apfs, local, journaled, nobrowse)\n',
    '//u@nas/x on /Volumes/x (smbfs)\n',
  ),
  fc.string({ unit: 'binary', maxLength: 6 }),
);
const windowsWord = fc.oneof(
  fc.constantFrom(
    'C:',
    '\\',
    '/',
    '\\\\',
    '?',
    '.',
    'UNC',
    'wsl$',
    'server',
    'share',
    'app.db',
    'GLOBALROOT',
    ':stream',
    'CON',
  ),
  fc.string({ unit: 'binary', maxLength: 6 }),
);

describe('what other systems print', () => {
  test('mount of macOS', () => {
    fc.assert(
      fc.property(
        fc.array(darwinWord, { maxLength: 30 }),
        fc.string({ unit: 'binary' }),
        fc.boolean(),
        (words, path, data) => {
          const mounts = parseDarwinMounts(words.join(''));
          for (const { mountPoint, options, line } of mounts) {
            assert.ok(mountPoint.startsWith('/') && line.includes(mountPoint) && !options.includes('\n'));
          }
          const mount = darwinMountOf(mounts, `/${path}`, data);
          if (mount !== null) assert.ok(mounts.includes(mount));
          const { verdict, reason } = classifyDarwinMount(mount, `/${path}`, () => false);
          assert.ok(typeof verdict === 'string' && reason.length > 0);
          // Nothing is trusted but what macOS itself calls local.
          if (verdict !== 'refuse') assert.ok(mount?.options.includes('local'));
        },
      ),
      runs(500),
    );
  });

  test('paths of Windows', () => {
    fc.assert(
      fc.property(
        fc.array(windowsWord, { maxLength: 12 }),
        fc.option(fc.array(windowsWord, { maxLength: 12 })),
        (words, real) => {
          const judgement = classifyWindowsPath(words.join(''), real?.join('') ?? null, null);
          assert.ok(typeof judgement.verdict === 'string' && judgement.reason.length > 0);
          if (/^(?:\\\\|\/\/)[^\\/?.]/.test(real?.join('') ?? words.join('')))
            assert.notEqual(judgement.class, 'local');
        },
      ),
      runs(500),
    );
  });
});

describe('texts of the kernel, which carry names that others chose', () => {
  test('mountinfo', () => {
    fc.assert(
      fc.property(
        fc.oneof(kernelText, mutated(real('/proc/self/mountinfo'))),
        fc.string({ unit: 'binary' }),
        (text, path) => {
          const table = parseMountTable(text);
          for (const row of table.rows) finite(row.id, row.parent);
          const found = mountOf(table, `/${path}`);
          if (found !== null) assert.ok(table.rows.includes(found));
        },
      ),
      runs(300),
    );
  });

  test('fdinfo, /proc/locks, maps, links and command lines', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          kernelText,
          mutated(real('/proc/locks')),
          mutated(real('/proc/self/maps')),
          mutated(real('/proc/self/fdinfo/0')),
        ),
        text => {
          for (const { start, end, pid } of parseLockTable(text)) assert.ok(!Number.isNaN(start + end + pid));
          for (const { start, end } of parseLocks(text)) assert.ok(!Number.isNaN(start + end));
          for (const { path, inode } of parseMaps(text)) assert.ok(path.startsWith('/') && inode >= 0n);
          const flags = parseFlags(text);
          assert.ok(flags === null || flags >= 0);
          assert.ok(['sqlite', 'plain', 'harmless'].includes(openerOf(flags)));
          const target = parseTarget(text);
          assert.ok(target === null || target.path.startsWith('/'));
          assert.equal(typeof commandOf(text.split('\n'), text), 'string');
        },
      ),
      runs(300),
    );
  });
});
