/** A damaged source: a restore and a backup say the same of each damage, through the API and the command line. */
import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { restoreDatabase } from 'safe-sqlite';
import { main } from '../../dist/cli/main.js';
import { backUp, folder, Native } from './fixture.mts';

const page = 4096;
/** All combinations (`--long`); the short form runs the command line once for each damage. */
const isLong = process.env['LONG_TESTS'] !== undefined;

/** The bytes of a sound database. */
const sound = (() => {
  const db = new Native(':memory:');
  db.exec('CREATE TABLE t (id INTEGER PRIMARY KEY, body)');
  db.exec(
    "WITH RECURSIVE n(value) AS (SELECT 1 UNION ALL SELECT value + 1 FROM n LIMIT 50) INSERT INTO t SELECT value, printf('%.900c', 'x') FROM n",
  );
  const bytes = db.serialize();
  db.close();
  return bytes;
})();

/** The damages of a database, each made of the bytes of a sound one. */
const damages: Readonly<Record<string, (bytes: Buffer) => Buffer>> = {
  empty: () => Buffer.alloc(0),
  'cut off between two pages': bytes => bytes.subarray(0, -page),
  'cut off in its last page': bytes => bytes.subarray(0, -100),
  'cut off in its header': bytes => bytes.subarray(0, 50),
  'its first page zeroed': bytes => Buffer.from(bytes).fill(0, 0, page),
  'all of it zeroed': bytes => Buffer.alloc(bytes.length),
  'a page overwritten': bytes => Buffer.from(bytes).fill(0xaa, page, 2 * page),
  'a page zeroed': bytes => Buffer.from(bytes).fill(0, page, 2 * page),
  'its schema overwritten': bytes => Buffer.from(bytes).fill(0xaa, 100, page),
  'no database': bytes => Buffer.alloc(bytes.length, 'text'),
};

interface Refusal {
  readonly code: string;
  readonly message: string;
  readonly hint: string;
  readonly details: Readonly<Record<string, unknown>>;
}

async function refusalOf(promise: Promise<unknown>): Promise<Refusal> {
  return promise.then(
    () => assert.fail('it is no failure'),
    (error: unknown) => error as Refusal,
  );
}

async function refusalOfCommand(line: readonly string[]): Promise<Refusal> {
  let out = '';
  const code = await main([...line, '--json'], {
    out: text => void (out += text),
    err: () => {},
    isInteractive: false,
    hasColours: false,
    signal: new AbortController().signal,
  });
  assert.equal(code, 1);
  return (JSON.parse(out) as { error: Refusal }).error;
}

/** Every file below a folder, with its bytes. */
function contents(home: string): readonly (readonly [string, string])[] {
  return readdirSync(home, { withFileTypes: true })
    .filter(entry => entry.isFile())
    .map(({ name }): readonly [string, string] => [name, readFileSync(join(home, name), 'base64')])
    .toSorted(([one], [other]) => (one < other ? -1 : 1));
}

for (const [damage, inflict] of Object.entries(damages)) {
  describe(`a backup: ${damage}`, () => {
    for (const target of ['existing', 'missing']) {
      for (const manifest of ['with', 'without']) {
        const isFirst = target === 'existing' && manifest === 'with';
        if (!isLong && !isFirst && (target !== 'missing' || manifest !== 'without')) continue;
        test(`${target} target, ${manifest} a manifest`, async t => {
          const home = folder(t);
          const bad = join(home, 'app-20261121T134501007Z.db');
          mkdirSync(join(home, 'service'));
          const to = join(home, 'service', 'app.db');
          writeFileSync(bad, inflict(sound));
          if (target === 'existing') writeFileSync(to, sound);
          if (manifest === 'with') writeFileSync(bad.replace(/db$/, 'json'), '{"format":2}');
          const before = [contents(home), contents(join(home, 'service'))];
          const refusals = [
            await refusalOf(restoreDatabase({ from: bad, to })),
            ...(isLong || isFirst ? [await refusalOfCommand(['restore', bad, to])] : []),
          ];
          for (const { code, message, hint, details } of refusals) {
            assert.equal(code, 'SAFE_SQLITE_RESTORE_FAILED');
            assert.match(message, /^The backup is not sound: .+\.$/);
            assert.equal(details['step'], 'verify');
            assert.match(hint, /^Nothing was changed\. Restore another backup/);
          }
          assert.equal(new Set(refusals.map(({ message }) => message)).size, 1);
          assert.deepEqual([contents(home), contents(join(home, 'service'))], before);
        });
      }
    }
  });

  // An empty file is a database without a table.
  if (damage === 'empty' || damage === 'all of it zeroed') continue;
  describe(`a database: ${damage}`, () => {
    for (const method of ['vacuum-into', 'online'] as const) {
      test(`is no backup (${method}), and the old one stays`, async t => {
        const home = folder(t);
        const file = join(home, 'app.db');
        writeFileSync(file, inflict(sound));
        mkdirSync(join(home, 'backups'));
        const copy = join(home, 'backups', 'copy.db');
        writeFileSync(copy, sound);
        const before = [contents(home), contents(join(home, 'backups'))];
        const db = new Native(file);
        const options = { method, overwrite: true };
        const refusals = [
          await refusalOf(backUp(db, copy, options)).finally(() => db.close()),
          ...(isLong || method === 'vacuum-into'
            ? [await refusalOfCommand(['backup', file, copy, '--method', method, '--overwrite'])]
            : []),
        ];
        for (const { code, message, hint, details } of refusals) {
          assert.equal(code, 'SAFE_SQLITE_BACKUP_FAILED');
          assert.match(message, /^The copy is not sound: .+\.$/);
          assert.equal(details['step'], 'verify');
          assert.match(hint, /^Check the database itself/);
        }
        assert.deepEqual([contents(home), contents(join(home, 'backups'))], before);
      });
    }
  });
}
