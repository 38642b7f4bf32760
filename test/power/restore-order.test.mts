// A restore must not bring a journal of the old database back beside the new one. Found by write-boundaries.mts: the disk
// may keep the rename of the new file and lose the removal of the old journal, which SQLite then rolls back into it.
import assert from 'node:assert/strict';
import { basename } from 'node:path';
import { test } from 'node:test';
import { whyNoCompiler } from '../support/compile-c.mts';
import { discard, record } from './boundaries/record.mts';
import { database } from './boundaries/scripts.mts';
import type { TraceEvent } from './boundaries/trace.mts';

const skip = whyNoCompiler() ?? false;

const removesSidecar = ({ kind, path }: TraceEvent): boolean =>
  kind === 'unlink' && [`${database}-wal`, `${database}-journal`].includes(basename(path));
const comes = ({ kind, to }: TraceEvent): boolean => kind === 'rename' && basename(to) === database;

for (const script of ['restore', 'restore-damaged', 'restore-emptied']) {
  test(
    `${script}: the folder is synced between the removal of the old journal and the new file`,
    { skip },
    async () => {
      const recording = await record({ script, subject: 'ours' });
      try {
        const { events } = recording;
        const renamed = events.findIndex(comes);
        const removed = events.slice(0, renamed).findLastIndex(removesSidecar);
        assert.ok(renamed > removed && removed > 0, `removed at ${removed}, renamed at ${renamed}`);
        assert.ok(
          events.slice(removed, renamed).some(({ kind }) => kind === 'sync-folder'),
          `no sync of the folder between change ${removed} and ${renamed}`,
        );
      } finally {
        discard(recording);
      }
    },
  );
}
