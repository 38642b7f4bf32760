/** The smallest journal that holds a page decides whether one beside an empty database is kept. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { OrphanedJournalError } from '../../dist/errors/refusals.js';
import type { PreflightFacts } from '../../dist/filesystem/preflight-facts.js';
import { judgePreflight } from '../../dist/policy/preflight.js';

const options = { readonly: false, fileMustExist: false };
/** A header of 512 bytes, then a record of 8 bytes and one page of 512. */
const oneRecord = 1032;

function facts(databaseSize: number | null, suffix: '-journal' | '-wal', size: number): PreflightFacts {
  return {
    file: '/data/app.db',
    directory: '/data',
    kind: databaseSize === null ? null : 'file',
    size: databaseSize,
    nlink: databaseSize === null ? null : 1,
    otherNames: [],
    sidecars: [{ path: `/data/app.db${suffix}`, suffix, size, isSymbolicLink: false, isFile: true }],
    planted: null,
    superJournal: null,
    walMissing: false,
    directoryKind: 'directory',
    fileWriteError: null,
    directoryWriteError: null,
    isMountPoint: false,
    attributed: [],
    refused: null,
    worldWritableOfAnother: false,
  } as PreflightFacts;
}

describe('a journal beside an empty database', () => {
  test('with less than one record it holds no page, and the open goes on', () => {
    assert.equal(judgePreflight(facts(0, '-journal', oneRecord - 1), options), null);
  });
  test('with exactly one record of the smallest page it is kept: the open is refused', () => {
    assert.ok(judgePreflight(facts(0, '-journal', oneRecord), options) instanceof OrphanedJournalError);
  });
});

test('beside a missing database one byte is enough', () => {
  assert.ok(judgePreflight(facts(null, '-journal', 1), options) instanceof OrphanedJournalError);
  assert.ok(judgePreflight(facts(null, '-wal', 1), options) instanceof OrphanedJournalError);
});

test('beside a database that has pages a journal is its own', () => {
  assert.equal(judgePreflight(facts(4096, '-journal', oneRecord), options), null);
  assert.equal(judgePreflight(facts(4096, '-wal', oneRecord), options), null);
});
