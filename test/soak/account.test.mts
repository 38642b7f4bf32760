import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openAccount, type Account } from './account.mts';
import type { Page } from './ledger.mts';

const error = { name: 'SqliteError', code: 'SQLITE_FULL', message: '' };

/** One writer with the answers: 1 committed, 2 rolled back, 3 unknown, 4 committed. */
function told(): Account {
  const account = openAccount();
  for (const begin of [1, 2, 3, 4]) account.enter(0, { begin });
  account.enter(0, { committed: 1 });
  account.enter(0, { failed: 2, error });
  account.enter(0, { failed: 3, error: { ...error, commitOutcome: 'unknown' } });
  account.enter(0, { committed: 4 });
  return account;
}

const table: readonly (readonly [string, Omit<Page, 'writer'>, number])[] = [
  ['what was acknowledged is enough', { last: 2, tokens: [1, 4] }, 0],
  ['an unknown outcome may be there', { last: 3, tokens: [1, 3, 4] }, 0],
  ['an acknowledged transaction is missing', { last: 1, tokens: [4] }, 2],
  ['another one in its place does not hide it', { last: 2, tokens: [3, 4] }, 1],
  ['one that was rolled back is there', { last: 4, tokens: [1, 2, 3, 4] }, 1],
];

for (const [title, page, faults] of table)
  test(title, () => {
    const account = told();
    const view = { pages: [{ writer: 0, ...page }], faults: [] };
    assert.equal(account.faultsOf(view, account.promised()).length, faults);
  });

test('what is acknowledged after a view was asked for need not be in it', () => {
  const account = told();
  const before = account.promised();
  account.enter(0, { begin: 5 });
  account.enter(0, { committed: 5 });
  const view = { pages: [{ writer: 0, last: 2, tokens: [1, 4] }], faults: [] };
  assert.deepEqual(account.faultsOf(view, before), []);
  assert.notDeepEqual(account.faultsOf(view, account.promised()), []);
});

test('a view without the writer has lost everything', () => {
  const account = told();
  assert.notDeepEqual(account.faultsOf({ pages: [], faults: [] }, account.promised()), []);
});
