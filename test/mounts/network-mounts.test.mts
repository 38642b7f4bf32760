/**
 * Real NFS, CIFS, 9p and local mounts under User Mode Linux: what the system says of each, what raw better-sqlite3 does
 * there, what this library says. The hazards are asserted as well: a refusal without one would be a superstition.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { before, describe, test } from 'node:test';
import { outcome } from './processes/outcome.mts';
import type { Allowed } from './processes/safe-questions.mts';
import type { Mode } from './processes/steps.mts';
import { recordPage } from './uml/record-page.mts';
import type { RawResult, Row } from './uml/row.mts';
import { survey, surveyMissing } from './uml/survey.mts';

/** At once, in turns: what becomes of two writers. */
type Ways = readonly [atOnce: string, inTurns: string];

interface Raw {
  readonly alone: string;
  readonly secondMount?: Ways;
  readonly serverSide?: Ways;
}

interface Expected {
  readonly statfs: string;
  readonly type: string;
  /** An option of the superblock that must be visible, because it decides about locks. */
  readonly option?: string;
  readonly class: string;
  readonly verdict: string;
  readonly raw: Readonly<Record<Mode, Raw>>;
  /** The first write after an open that was allowed: the class of its error where it fails. */
  readonly write?: string;
  /** Class of the error for a database in WAL format; absent where it is opened and converted. */
  readonly foundInWalFormat?: string;
}

const kept: Ways = ['SQLITE_BUSY', 'ok'];
const lost = 'rows lost, no error';
const works = { DELETE: { alone: 'ok' }, WAL: { alone: 'ok' } };

/** Locks reach the server, so a rollback journal keeps writers apart; the memory of a WAL index is not shared. */
const nfs4: Expected = {
  statfs: '0x6969',
  type: 'nfs4',
  option: 'local_lock=none',
  class: 'network',
  verdict: 'refuse',
  raw: {
    DELETE: { alone: 'ok', secondMount: kept, serverSide: kept },
    WAL: {
      alone: 'ok',
      secondMount: ['SQLITE_BUSY', 'SQLITE_IOERR_SHORT_READ'],
      serverSide: ['SQLITE_BUSY', 'SQLITE_IOERR_SHORT_READ'],
    },
  },
};

/** diod answers locks of its clients, but not F_GETLK as a WAL needs it, and the server's own processes see none. */
const diod: Expected = {
  statfs: '0x1021997',
  type: '9p',
  class: 'vm-share',
  verdict: 'refuse',
  raw: {
    DELETE: { alone: 'ok', secondMount: kept, serverSide: [lost, 'ok'] },
    WAL: { alone: 'SQLITE_IOERR_LOCK at CREATE TABLE' },
  },
  foundInWalFormat: 'SqliteSharedMemoryError',
};

const expected: Readonly<Record<string, Expected>> = {
  'nfs 4.2': nfs4,
  'nfs 4.0': nfs4,
  'nfs 3': {
    ...nfs4,
    type: 'nfs',
    raw: {
      DELETE: nfs4.raw.DELETE,
      WAL: {
        alone: 'ok',
        secondMount: ['SQLITE_PROTOCOL', 'SQLITE_PROTOCOL'],
        serverSide: ['SQLITE_BUSY', 'SQLITE_IOERR_SHORT_READ'],
      },
    },
  },
  'nfs 3, nolock': {
    ...nfs4,
    type: 'nfs',
    option: 'local_lock=all',
    raw: {
      DELETE: { alone: 'ok', secondMount: [lost, 'ok'], serverSide: [lost, 'ok'] },
      WAL: {
        alone: 'ok',
        secondMount: ['SQLITE_PROTOCOL', 'SQLITE_IOERR_SHORT_READ; rows lost'],
        serverSide: ['SQLITE_PROTOCOL', 'SQLITE_IOERR_SHORT_READ; rows lost'],
      },
    },
  },
  'cifs 3.1.1': {
    statfs: '0xfe534d42',
    type: 'cifs',
    option: 'nounix',
    class: 'network',
    verdict: 'refuse',
    // The locks of SMB are mandatory: SQLite cannot even read what it has locked itself through another range.
    raw: { DELETE: { alone: 'SQLITE_BUSY at CREATE TABLE' }, WAL: { alone: 'SQLITE_BUSY at CREATE TABLE' } },
    write: 'SqliteBusyError',
    foundInWalFormat: 'SqliteBusyError',
  },
  'cifs 3.1.1, nobrl': {
    statfs: '0xfe534d42',
    type: 'cifs',
    option: 'nobrl',
    class: 'network',
    verdict: 'refuse',
    raw: {
      DELETE: { alone: 'ok', secondMount: [lost, 'ok'], serverSide: [lost, lost] },
      WAL: {
        alone: 'ok',
        secondMount: ['SQLITE_PROTOCOL', lost],
        serverSide: ['then SQLITE_CANTOPEN, no error', 'then SQLITE_CANTOPEN, no error'],
      },
    },
  },
  'cifs 1.0': {
    statfs: '0xff534d42',
    type: 'cifs',
    option: 'unix',
    class: 'network',
    verdict: 'refuse',
    raw: {
      DELETE: { alone: 'ok', serverSide: [lost, lost] },
      WAL: { alone: 'ok', serverSide: [lost, lost] },
    },
  },
  '9p': { ...diod, option: 'sync' },
  '9p, cache=loose': { ...diod, option: 'loose' },
  // Two kernels as well, and nothing to see of it from one side: two-kernels.test.mts writes from both.
  hostfs: { statfs: '0xc0ffee', type: 'hostfs', class: 'vm-share', verdict: 'refuse', raw: works },
  ext4: { statfs: '0xef53', type: 'ext4', class: 'local', verdict: 'wal', raw: works },
  f2fs: { statfs: '0xf2f52010', type: 'f2fs', class: 'local', verdict: 'wal', raw: works },
  jfs: { statfs: '0x3153464a', type: 'jfs', class: 'local', verdict: 'wal', raw: works },
  nilfs2: { statfs: '0x3434', type: 'nilfs2', class: 'local', verdict: 'wal', raw: works },
  vfat: { statfs: '0x4d44', type: 'vfat', class: 'local', verdict: 'rollback', raw: works },
};

/** Opened as decided, with the warning that says so, written and read back: `rows` of them. */
function assertAllowed(allowed: Allowed, want: Expected, rows: number): void {
  assert.ok('journalMode' in allowed, JSON.stringify(allowed));
  const wal = want.verdict === 'wal';
  assert.deepEqual([allowed.journalMode, allowed.synchronous], wal ? ['wal', 'full'] : ['delete', 'extra']);
  assert.equal(allowed.warnings.includes('network-filesystem-allowed'), want.verdict === 'refuse');
  if ('failed' in allowed) {
    assert.equal(allowed.failed.name, want.write);
    return;
  }
  assert.equal(want.write, undefined, 'the first write succeeded');
  assert.deepEqual([allowed.rows, allowed.integrity], [rows, 'ok']);
  assert.equal(allowed.files.includes('-wal'), wal);
}

function seen(result: RawResult): Raw {
  const { result: one, secondMount, serverSide } = result;
  return {
    alone: one,
    ...(secondMount && { secondMount: [outcome(secondMount.atOnce), outcome(secondMount.inTurns)] }),
    ...(serverSide && { serverSide: [outcome(serverSide.atOnce), outcome(serverSide.inTurns)] }),
  };
}

describe('mounts under User Mode Linux', { skip: surveyMissing() ?? false }, () => {
  let rows: readonly Row[] = [];
  before(async () => {
    rows = await survey();
  });

  test('every mount was surveyed', () => {
    assert.deepEqual(rows.map(row => row.name).toSorted(), Object.keys(expected).toSorted());
  });

  for (const [name, want] of Object.entries(expected)) {
    describe(name, () => {
      let row: Row;
      before(() => {
        row = rows.find(candidate => candidate.name === name)!;
      });

      test('the system says what it is', () => {
        const [type, , options = ''] = row.mountinfo.split(' ');
        assert.deepEqual([row.statfs, type], [want.statfs, want.type]);
        if (want.option !== undefined) assert.ok(options.split(',').includes(want.option), options);
      });

      test('raw better-sqlite3, with a rollback journal', () =>
        assert.deepEqual(seen(row.raw.DELETE), want.raw.DELETE));

      test('raw better-sqlite3, with a WAL', () => assert.deepEqual(seen(row.raw.WAL), want.raw.WAL));

      test('inspectFilesystem knows it', () => {
        const { type, class: kind, verdict, foundBy } = row.ours.inspected;
        assert.deepEqual([type, kind, verdict], [want.type, want.class, want.verdict]);
        // Ground that is refused is refused by its name alone: a dead server must not be asked anything.
        assert.equal(foundBy, want.verdict === 'refuse' ? 'lexical' : 'descriptor');
      });

      test(`new Database ${want.verdict === 'refuse' ? 'refuses before it touches anything' : 'opens'}`, () => {
        const { plain, created } = row.ours;
        if (want.verdict !== 'refuse') {
          assert.equal(plain, null);
          return;
        }
        assert.equal(plain?.name, 'UnsafeFilesystemError');
        assert.equal(plain.code, 'SAFE_SQLITE_UNSAFE_FILESYSTEM');
        assert.ok(plain.message.includes(`the ${want.type} filesystem`), plain.message);
        assert.ok(plain.hint.includes('dangerously.allowNetworkFilesystem'), plain.hint);
        assert.deepEqual(created, []);
      });

      test('with dangerously.allowNetworkFilesystem', () => assertAllowed(row.ours.allowed, want, 1));

      test('with dangerously.allowNetworkFilesystem, on a database left in WAL format', () => {
        const { walFormat, afterWayOut } = row.ours;
        if (want.foundInWalFormat === undefined) return assertAllowed(walFormat, want, 2);
        assert.ok('error' in walFormat);
        const { error } = walFormat;
        assert.equal(error.name, want.foundInWalFormat);
        if (want.foundInWalFormat !== 'SqliteSharedMemoryError') return;
        assert.match(error.message, /is in WAL format/);
        assert.deepEqual(error.statements, ['PRAGMA locking_mode=EXCLUSIVE', 'PRAGMA journal_mode=DELETE']);
        assertAllowed(afterWayOut!, want, 2);
      });

      test('read-only, attached, and as the destination of a backup', () => {
        const { created, ...ways } = row.elsewhere;
        const way = want.verdict === 'refuse' ? 'UnsafeFilesystemError' : 'ok';
        assert.deepEqual(ways, {
          readonly: way,
          readonlyAllowed: 'ok',
          attach: way,
          attachSql: way,
          backup: 'ok',
          backupOver: 'ok',
          left: [],
          copy: '1 row, ok',
        });
        if (want.verdict === 'refuse') assert.deepEqual(created, []);
      });
    });
  }

  test('a 9p mount claims success for WAL and leaves a database that only exclusive locking can read', () => {
    const { pragma, left } = rows.find(row => row.name === '9p')!.raw.WAL;
    assert.equal(pragma, 'wal');
    assert.deepEqual([left?.reopened, left?.wayOut], ['SQLITE_IOERR_LOCK', 'delete']);
  });

  test('docs/network-mounts.md is what was seen', async () => {
    const page = readFileSync(new URL('../../docs/network-mounts.md', import.meta.url), 'utf8');
    assert.equal(page, await recordPage(rows), 'run: node test/mounts/uml/record-page.mts');
  });
});
