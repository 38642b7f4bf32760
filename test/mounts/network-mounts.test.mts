/**
 * Real NFS, CIFS, 9p and local mounts under User Mode Linux: what the system says of each, what raw better-sqlite3 does
 * there, what this library says. The hazards are asserted as well: a refusal without one would be a superstition.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { before, describe, test } from 'node:test';
import { outcome } from './processes/outcome.mts';
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
      DELETE: { alone: 'ok', secondMount: ['SQLITE_BUSY, SQLITE_BUSY', 'ok'], serverSide: [lost, lost] },
      WAL: { alone: 'ok', secondMount: ['SQLITE_PROTOCOL', lost], serverSide: ['SQLITE_BUSY', lost] },
    },
  },
  '9p': { ...diod, option: 'sync' },
  '9p, cache=loose': { ...diod, option: 'loose' },
  ext4: { statfs: '0xef53', type: 'ext4', class: 'local', verdict: 'wal', raw: works },
  f2fs: { statfs: '0xf2f52010', type: 'f2fs', class: 'local', verdict: 'wal', raw: works },
  jfs: { statfs: '0x3153464a', type: 'jfs', class: 'local', verdict: 'wal', raw: works },
  nilfs2: { statfs: '0x3434', type: 'nilfs2', class: 'local', verdict: 'wal', raw: works },
  vfat: { statfs: '0x4d44', type: 'vfat', class: 'local', verdict: 'rollback', raw: works },
};

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
        const { type, class: kind, verdict, foundBy } = row.ours;
        assert.deepEqual([type, kind, verdict], [want.type, want.class, want.verdict]);
        // Ground that is refused is refused by its name alone: a dead server must not be asked anything.
        assert.equal(foundBy, want.verdict === 'refuse' ? 'lexical' : 'descriptor');
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
