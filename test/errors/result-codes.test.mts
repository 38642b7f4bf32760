import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { resolveCode, resultCodes } from '../../dist/errors/result-codes.js';
import { sqliteErrorClasses } from '../../dist/errors/sqlite-errors.js';

const amalgamation = new URL('../../node_modules/better-sqlite3/deps/sqlite3/', import.meta.url);
const constants = new URL('../../node_modules/better-sqlite3/src/util/constants.cpp', import.meta.url);

/** The result codes that sqlite3.h defines: the primary ones between its two headings, and the extended ones. */
function definedCodes(file: string): Map<string, number> {
  const text = readFileSync(new URL(file, amalgamation), 'utf8');
  const codes = new Map<string, number>();
  const primarySection = /#define SQLITE_OK +0[\s\S]*?#define SQLITE_DONE +101/.exec(text)?.[0] ?? '';
  for (const [, name = '', number] of primarySection.matchAll(/^#define (SQLITE_[A-Z]+) +(\d+)/gm)) {
    codes.set(name, Number(number));
  }
  for (const [, name = '', primary = '', shift] of text.matchAll(
    /^#define (SQLITE_[A-Z_]+) +\((SQLITE_[A-Z]+) *\| *\((\d+)<<8\)\)/gm,
  )) {
    const number = codes.get(primary);
    if (number !== undefined) codes.set(name, number | (Number(shift) << 8));
  }
  return codes;
}

describe('the table of result codes', () => {
  for (const file of ['sqlite3.h', 'sqlite3.c']) {
    test(`has every code of ${file} of better-sqlite3, with its number, and no other`, () => {
      const defined = definedCodes(file);
      assert.equal(defined.size, 31 + 82, 'the header has as many codes as when this was written');
      assert.deepEqual(
        [...resultCodes].map(([code, row]) => [code, row.number]),
        [...defined].toSorted(([, left], [, right]) => left - right),
      );
    });
  }

  test('names an error class that exists in every row, of the family of its primary code', () => {
    for (const [code, row] of resultCodes) {
      const primary = resultCodes.get(resolveCode(code)?.primaryCode ?? '');
      assert.ok(primary, code);
      const own = sqliteErrorClasses[row.errorClass];
      const family = sqliteErrorClasses[primary.errorClass];
      assert.ok(own === family || family.isPrototypeOf(own), `${code}: ${own.name} is a ${family.name}`);
    }
  });

  test('says in one sentence what happened and what to do, and never both labels', () => {
    for (const [code, row] of resultCodes) {
      assert.match(row.meaning, /^[A-Z].*\.$/, code);
      assert.match(row.hint, /^[A-Z].*[.)]$/, code);
      assert.ok(!(row.retryable && row.fatal), code);
    }
  });
});

describe('resolveCode', () => {
  test('gives each code of the table its family: the lowest byte of the number', () => {
    for (const [code, row] of resultCodes) {
      const resolved = resolveCode(code);
      assert.equal(resolved?.code, code);
      assert.equal(resultCodes.get(resolved.primaryCode)?.number, row.number & 0xff);
    }
  });

  test('resolves the names that better-sqlite3 gives to codes it does not know', () => {
    const known = readFileSync(constants, 'utf8');
    const missing = [...resultCodes].filter(([code]) => !known.includes(`"${code}"`));
    assert.ok(
      missing.some(([code]) => code === 'SQLITE_BUSY_TIMEOUT'),
      'better-sqlite3 does not know SQLITE_BUSY_TIMEOUT',
    );
    for (const [code, row] of missing) assert.equal(resolveCode(`UNKNOWN_SQLITE_ERROR_${row.number}`)?.code, code);
  });

  const newer: [code: string, primaryCode: string, errorClass: string][] = [
    ['UNKNOWN_SQLITE_ERROR_65290', 'SQLITE_IOERR', 'SqliteIoError'],
    ['UNKNOWN_SQLITE_ERROR_773', 'SQLITE_BUSY', 'SqliteBusyError'],
    ['UNKNOWN_SQLITE_ERROR_250', 'UNKNOWN_SQLITE_ERROR_250', 'SqliteResultError'],
    ['SQLITE_CORRUPT_SOMETHING_NEW', 'SQLITE_CORRUPT', 'SqliteCorruptError'],
  ];
  for (const [code, primaryCode, errorClass] of newer) {
    test(`describes ${code} by its family`, () => {
      const resolved = resolveCode(code);
      assert.equal(resolved?.primaryCode, primaryCode);
      assert.equal(resolved.row.errorClass, errorClass);
    });
  }

  for (const code of ['', 'ENOENT', 'SQLITE_', 'SQLITE_NEWFAMILY', 'SQLITE_NEWFAMILY_X', '__proto__', 'constructor']) {
    test(`knows nothing of ${JSON.stringify(code)}`, () => assert.equal(resolveCode(code), null));
  }
});
