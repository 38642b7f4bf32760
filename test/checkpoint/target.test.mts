/** Builds the target of a checkpoint from the connection that it runs for, and runs one. */
import assert from 'node:assert/strict';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { SqliteResultError } from 'safe-sqlite';
import type { FileUser } from '../../dist/checkpoint/file-user.js';
import { checkpointTarget, runCheckpoint } from '../../dist/checkpoint/run-checkpoint.js';
import type { ResolvedCheckpoint } from '../../dist/options/resolved.js';

/** The facts that a checkpoint reads of its connection. */
function targetFor(fullfsync: boolean, nativeBinding: unknown, thread: 'worker' | 'main', checkpoints = true) {
  const connection = { options: { nativeBinding }, plan: { fullfsync } };
  return checkpointTarget({
    target: { file: '/data/app.db', identity: null },
    users: [{ connection, checkpoints } as unknown as FileUser],
    settings: { thread } as ResolvedCheckpoint,
  });
}

const addon = { open() {} };

for (const [name, made, expected] of [
  ['syncs as the connection does: macOS needs F_FULLFSYNC', targetFor(true, null, 'worker'), [true, 'worker']],
  ['and as it does elsewhere', targetFor(false, null, 'worker'), [false, 'worker']],
  ['runs where the options say', targetFor(false, null, 'main'), [false, 'main']],
  ['an addon given by its path goes to a thread', targetFor(false, '/a.node', 'worker'), [false, 'worker']],
  ['an addon given as an object cannot be sent to one', targetFor(false, addon, 'worker'), [false, 'main']],
  ['nothing is taken from one that does not checkpoint', targetFor(true, addon, 'main', false), [false, 'main']],
] as const) {
  test(name, () => assert.deepEqual([made.fullfsync, made.thread], expected));
}

describe('one checkpoint of a file', () => {
  const once = { awaited: true, followUps: undefined, signal: new AbortController().signal };
  const missing = {
    file: join(tmpdir(), 'safe-sqlite-no-such.db'),
    identity: null,
    fullfsync: false,
    nativeBinding: null,
    thread: 'main',
  } as const;

  test('its failure is a typed error that names the file', async () => {
    await assert.rejects(runCheckpoint(missing, 'passive', once), (error: SqliteResultError) => {
      assert.ok(error instanceof SqliteResultError);
      assert.deepEqual([error.code, error.details['file']], ['SQLITE_CANTOPEN', missing.file]);
      return true;
    });
  });

  test('does not begin once the file is closed', async () => {
    const reason = new Error('closed');
    await assert.rejects(runCheckpoint(missing, 'passive', { ...once, signal: AbortSignal.abort(reason) }), reason);
  });
});
