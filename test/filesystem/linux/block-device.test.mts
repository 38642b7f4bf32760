/**
 * Tests that the facts about the disk under a mount are kept while the mount table stays, and read anew when it
 * changes.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inspectBlockDevice } from '../../../dist/filesystem/linux/block-device.js';
import { readMountTable } from '../../../dist/filesystem/linux/linux-tables.js';
import { mountOf, parseMountTable } from '../../../dist/filesystem/linux/mount-table.js';

const skip = process.platform === 'linux' ? false : 'needs /proc of Linux';

test(
  'one answer a mount and table, another for a changed table; a missing journal is looked for each time',
  { skip },
  () => {
    const table = readMountTable();
    const mount = mountOf(table, '/');
    assert.ok(mount !== null);
    const first = inspectBlockDevice(mount, table);
    assert.equal(readMountTable(), table, 'the text has not changed');
    const hasJournal = first.ext4Options === null || first.ext4Options.some(option => option.startsWith('data='));
    assert.equal(inspectBlockDevice(mount, table) === first, hasJournal && first.backingFile === null);
    const changed = parseMountTable(table.rows.map(({ line }) => line).join('\n'));
    const again = mountOf(changed, '/');
    assert.ok(again !== null);
    const second = inspectBlockDevice(again, changed);
    assert.notEqual(second, first);
    assert.deepEqual(second, first);
  },
);
