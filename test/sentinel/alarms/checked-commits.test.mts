/** The short form of checked-commits.mts: some thousand commits without an alarm, then a stranger. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { countChecked } from './checked-commits.mts';

const linux = process.platform === 'linux' ? false : 'needs the /proc of Linux';

test(
  'commits of every kind, checked, without an alarm; then a copy over the file is noticed',
  { skip: linux },
  async () => {
    const { alarms, commits, strangers } = await countChecked(2000, 2);
    assert.deepEqual(alarms, []);
    for (const [kind, count] of Object.entries(commits)) assert.ok(count > 0, kind);
    assert.deepEqual(strangers, { changed: 2, noticed: 2 });
  },
);
