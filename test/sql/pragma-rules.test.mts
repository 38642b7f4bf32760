import { after, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import type { GuardContext } from '../../dist/sql/decision.js';
import { pragmaRules } from '../../dist/sql/pragma-rules.js';
import { failureOf } from './sqlite.mts';
import { vitalsOf } from './vitals.mts';

const folder = mkdtempSync(join(tmpdir(), 'safe-sqlite-rules-'));
after(() => rmSync(folder, { recursive: true }));

const context: GuardContext = {
  storage: 'file',
  walAllowed: true,
  synchronous: 'full',
  platform: 'linux',
  allowUnsyncedCommits: false,
  weakerPragmas: 'throw',
};

/** Rows for pragmas that only SQLite on other systems, or with deprecated parts, has. */
const elsewhere = ['data_store_directory', 'default_cache_size', 'lock_proxy_file'];

describe('the table of pragmas', () => {
  test('has a row for every pragma of the bundled SQLite, and no others but those of other systems', () => {
    const db = new Database(':memory:');
    const named = db.prepare<[], string>('SELECT name FROM pragma_pragma_list').pluck().all();
    db.close();
    assert.deepEqual([...pragmaRules.keys()].toSorted(), [...new Set([...named, ...elsewhere])].toSorted());
  });

  test('gives a reason in every row, and says what to do instead wherever it refuses', () => {
    for (const [name, rule] of pragmaRules) {
      assert.ok(rule.reason.length > 5, name);
      const objection = rule.objection('nonsense', { ...context, platform: 'darwin' });
      assert.equal(objection === null, ['free', 'noted'].includes(rule.kind), name);
      if (objection !== null) assert.ok(objection.reason.length > 20 && objection.instead.length > 10, name);
    }
  });

  const values: readonly (readonly [name: string, change: Partial<GuardContext>, allowed: string[], refused: string[]])[] = [
    ['synchronous', {}, ['full', '2', 'extra', '3'], ['off', '0', 'normal', '1', 'on', 'yes', '', '4', '-1', '02', 'nonsense']],
    ['synchronous', { synchronous: 'extra' }, ['extra', '3'], ['full', '2', 'normal', 'off']],
    ['synchronous', { allowUnsyncedCommits: true }, ['full', 'normal', '1'], ['off', '0', 'nonsense']],
    ['journal_mode', {}, ['wal', 'delete', 'truncate', 'persist'], ['off', 'memory', '', 'd', 'o', 'w', 'nonsense']],
    ['journal_mode', { walAllowed: false }, ['delete'], ['wal', 'w', 'memory']],
    ['locking_mode', {}, ['normal'], ['exclusive', 'nonsense']],
    ['mmap_size', {}, ['0'], ['1', '-1', '0x10', '268435456']],
    ['wal_autocheckpoint', {}, ['0'], ['1000', '1']],
    ['writable_schema', {}, ['off', '0', 'reset'], ['on', '1', 'yes', 'true', '2']],
    ['trusted_schema', {}, ['off', '0'], ['on', '1']],
    ['ignore_check_constraints', {}, ['off'], ['on', '1']],
    ['cell_size_check', {}, ['on', '1'], ['off', '0', 'nonsense', 'full', '-1', '']],
    ['fullfsync', {}, ['on', 'off', '0'], []],
    ['fullfsync', { platform: 'darwin' }, ['on', '1'], ['off', '0', 'nonsense']],
    ['checkpoint_fullfsync', { platform: 'darwin' }, ['on'], ['off']],
    ['schema_version', {}, [], ['0', '1']],
    ['temp_store_directory', {}, [], ['', '/tmp']],
    ['foreign_keys', {}, ['on', 'off'], []],
  ]; // prettier-ignore
  for (const [name, change, allowed, refused] of values) {
    test(`${name} ${JSON.stringify(change)}`, () => {
      const rule = pragmaRules.get(name);
      assert.ok(rule);
      for (const value of allowed) assert.equal(rule.objection(value, { ...context, ...change }), null, value);
      for (const value of refused) assert.notEqual(rule.objection(value, { ...context, ...change }), null, value);
    });
  }

  test('is not needed for the table-valued functions: they set nothing', () => {
    const db = new Database(join(folder, 'functions.db'));
    db.unsafeMode(true);
    db.exec('CREATE TABLE t(a)');
    const before = vitalsOf(db);
    let ran = 0;
    for (const name of pragmaRules.keys()) {
      for (const value of ['off', '0', '1', 'on', 'exclusive', 'memory', '4096', '']) {
        for (const call of [`('${value}')`, `('${value}', 'main')`, ` WHERE arg = '${value}'`]) {
          if (failureOf(() => db.prepare(`SELECT * FROM pragma_${name}${call}`).all()) === null) ran++;
          assert.deepEqual(vitalsOf(db), before, name + call);
        }
      }
    }
    db.close();
    assert.ok(ran > 50, `only ${ran} calls ran`);
  });
});
