/** What a checkpoint takes over from the connection that it runs for. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { FileUser } from '../../dist/checkpoint/file-user.js';
import { checkpointTarget } from '../../dist/checkpoint/run-checkpoint.js';
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
