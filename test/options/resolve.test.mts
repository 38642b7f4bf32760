import assert from 'node:assert/strict';
import { inspect } from 'node:util';
import { describe, test } from 'node:test';
import { InvalidOptionError } from '../../dist/errors/refusals.js';
import { defaults } from '../../dist/options/defaults.js';
import { resolveOptions } from '../../dist/options/resolve.js';

const reason = 'the cache can be rebuilt from the origin';

describe('resolveOptions', () => {
  test('gives every default, frozen', () => {
    const resolved = resolveOptions('a.db', undefined);
    assert.deepEqual(
      { ...resolved, logger: null },
      {
        source: { kind: 'file', filename: 'a.db' },
        readonly: false,
        fileMustExist: false,
        timeout: 5000,
        verbose: null,
        nativeBinding: null,
        journalMode: 'auto',
        durability: 'full',
        transactionMode: 'deferred',
        weakerPragmas: 'keep',
        processGuard: 'on',
        checkpoint: { ...defaults.checkpoint, owner: 'self', thread: 'worker' },
        sentinel: defaults.sentinel,
        writes: { ...defaults.writes, timeoutMs: 5000 },
        readers: { ...defaults.readers, max: null, setup: null },
        backup: 'off',
        rescueDirectory: null,
        logger: null,
        dangerously: {
          allowNetworkFilesystem: null,
          allowUnsyncedCommits: null,
          allowNonDurableFilesystem: null,
          allowSqliteVersion: null,
        },
      },
    );
    for (const value of Object.values(resolved)) {
      // Not frozen, because it belongs to the application: a Buffer may be the source, and a logger has a state of its own.
      if (value === resolved.source || value === resolved.logger || typeof value !== 'object' || value === null)
        continue;
      assert.ok(Object.isFrozen(value), inspect(value));
    }
    assert.ok(Object.isFrozen(resolved));
  });

  test('takes what it is given', () => {
    const given = {
      journalMode: 'rollback',
      durability: 'extra',
      transactionMode: 'immediate',
      checkpoint: { walBytes: 1024, owner: 'external' },
      sentinel: 'off',
      writes: { maxBatch: 2, minDelayMs: 500 },
      backup: { directory: 'backups', keep: { newest: 3 } },
      dangerously: { allowUnsyncedCommits: reason },
    };
    const resolved = resolveOptions(':memory:', given);
    assert.equal(resolved.source.kind, 'memory');
    assert.equal(resolved.sentinel, 'off');
    assert.deepEqual(resolved.writes, {
      ...defaults.writes,
      timeoutMs: 5000,
      maxBatch: 2,
      minDelayMs: 500,
      maxDelayMs: 500,
    });
    assert.deepEqual(resolved.backup, {
      directory: 'backups',
      intervalMs: 3_600_000,
      keep: { ...defaults.backup.keep, newest: 3 },
      reserveBytes: null,
      verify: 'quick',
    });
    assert.equal(resolved.dangerously.allowUnsyncedCommits, reason);
  });

  const wrong: [name: string, given: unknown, message: RegExp][] = [
    ['a misspelt name', { journalmode: 'wal' }, /no option `journalmode`: Did you mean `journalMode`\?/],
    ['readOnly', { readOnly: true }, /`readOnly`: Did you mean `readonly`\?/],
    ['memory', { memory: true }, /`memory`: use the file name `:memory:`/],
    ['a name of another driver', { synchronous: 'full' }, /write `durability`/],
    ['a nested misspelling', { checkpoint: { walByte: 1 } }, /`checkpoint\.walByte`: Did you mean `walBytes`/],
    ['an unknown danger', { dangerously: { allowAll: reason } }, /`dangerously\.allowAll`/],
    [
      'a choice',
      { journalMode: 'truncate' },
      /`journalMode` option to be `'auto'` or `'wal'` or `'rollback'`, got `truncate`/,
    ],
    [
      'a number as text',
      { timeout: '5000' },
      /`timeout` option to be an integer between 0 and 2147483647, got `5000` \(string\)/,
    ],
    ['a fraction', { checkpoint: { walBytes: 0.5 } }, /`checkpoint\.walBytes` option to be an integer/],
    ['not a number', { sentinel: { intervalMs: Number.NaN } }, /`sentinel\.intervalMs`.*got `NaN`/],
    ['too short an interval', { sentinel: { intervalMs: 1 } }, /between 10 and/],
    [
      'contradicting sizes',
      { checkpoint: { walBytes: 2048, truncateAboveBytes: 1024 } },
      /`checkpoint\.truncateAboveBytes`.*2048/,
    ],
    ['contradicting delays', { writes: { minDelayMs: 10, maxDelayMs: 5 } }, /`writes\.maxDelayMs`.*10/],
    ['a danger without a reason', { dangerously: { allowUnsyncedCommits: true } }, /sentence that says why/],
    ['a danger with an empty reason', { dangerously: { allowNetworkFilesystem: 'ok' } }, /10 characters/],
    ['null for a service', { checkpoint: null }, /`checkpoint` option to be an object or `'off'`, got `null` \(null\)/],
    ['a word for a service', { sentinel: 'on' }, /`sentinel` option/],
    ['off where it is not', { writes: 'off' }, /`writes` option to be an object/],
    ['backups without a folder', { backup: {} }, /`backup\.directory`/],
    ['a logger without methods', { logger: { warn() {} } }, /`logger` option/],
    ['console, which has no fatal', { logger: console }, /`logger` option/],
    ['an array', [], /`options` option to be an object, got a value \(array\)/],
    ['a rescue folder', { rescueDirectory: '' }, /`rescueDirectory`/],
  ];
  for (const [name, given, message] of wrong) {
    test(`refuses ${name}`, () => {
      assert.throws(
        () => resolveOptions('a.db', given),
        (error: unknown) => {
          assert.ok(error instanceof InvalidOptionError && error instanceof TypeError);
          assert.match(error.message, message);
          return true;
        },
      );
    });
  }

  test('does not print long values, which may be secrets', () => {
    const secret = 'x'.repeat(200);
    assert.throws(
      () => resolveOptions('a.db', { journalMode: secret }),
      (error: unknown) => error instanceof Error && !error.message.includes(secret),
    );
  });

  const sources: [given: unknown, kind: string][] = [
    ['a.db', 'file'],
    [' a.db ', 'file'],
    [':memory:', 'memory'],
    [' :memory: ', 'memory'],
    ['', 'temporary'],
    ['  ', 'temporary'],
    [undefined, 'temporary'],
    [null, 'temporary'],
    [Buffer.alloc(0), 'buffer'],
  ];
  for (const [given, kind] of sources) {
    test(`reads ${inspect(given)} as ${kind}`, () => assert.equal(resolveOptions(given, {}).source.kind, kind));
  }
  for (const given of [
    5,
    'a\0b',
    'file:a.db',
    'FILE:///a.db?mode=ro',
    {},
    new URL('file:///a.db'),
    Symbol('x'),
    true,
  ]) {
    test(`refuses ${inspect(given)} as a file name`, () => {
      assert.throws(() => resolveOptions(given, {}), InvalidOptionError);
    });
  }
});
