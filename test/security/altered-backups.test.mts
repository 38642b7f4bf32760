/** A backup whose bytes were changed after it was made counts for nothing: not as the last one, and not for retention. */
import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { after, describe, test } from 'node:test';
import Database from 'safe-sqlite';
import { readDatabaseId } from '../../dist/backup/database-id.js';
import { listBackups, type StoredBackup } from '../../dist/backup/folder.js';
import { startSchedule } from '../../dist/backup/schedule.js';
import { retention } from '../../dist/backup/schedule-rules.js';
import { backUp, closedBank, Native } from '../backup/fixture.mts';
import { until } from '../support/until.mts';

const day = 86_400_000;
const keep = { newest: 1, daily: 2, weekly: 0 };
const root = mkdtempSync(join(tmpdir(), 'safe-sqlite-altered-'));
after(() => rmSync(root, { recursive: true, force: true }));
let made = 0;

function place() {
  const folder = join(root, `${made++}`);
  const source = `${folder}.db`;
  closedBank({ after: () => {} }, source, 'delete', 3);
  const warnings: string[] = [];
  /** Lets a schedule run once, at a time of the test's choice. */
  const runAt = async (now: number): Promise<string | null> => {
    const schedule = startSchedule(
      { directory: folder, intervalMs: day, keep, verify: 'quick', reserveBytes: null },
      {
        source,
        backup: (destination, signal, onFinished) => {
          const db = new Native(source);
          return backUp(db, destination, { signal }, { onFinished }).finally(() => db.close());
        },
        onFailure: error => assert.fail(error),
        onWarning: code => warnings.push(code),
        now: () => now,
      },
    );
    await until(() => !schedule.state().running, 'no backup runs');
    const { lastBackup } = schedule.state();
    await schedule.stop();
    return lastBackup?.path ?? null;
  };
  const list = (): Promise<readonly StoredBackup[]> => {
    const found = readDatabaseId(source);
    return listBackups(folder, { source, id: found.state === 'known' ? found.id : null });
  };
  const stand = (): string[] => readdirSync(folder).filter(name => name.endsWith('.db'));
  return { runAt, list, stand, warnings };
}

/** Changes one byte, and not the size. */
function alter(path: string): void {
  const bytes = readFileSync(path);
  bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1;
  writeFileSync(path, bytes);
}

const start = Date.UTC(2026, 0, 1, 12);

describe('a backup with other bytes', () => {
  test('the hazard: size, name and manifest say nothing of it', async () => {
    const { runAt, list } = place();
    const path = (await runAt(start)) ?? '';
    const { size } = statSync(path);
    alter(path);
    const [found] = await list();
    assert.deepEqual([found?.kind, statSync(path).size], ['own', size]);
    // What is done about it: the time of the last change says that it must be read.
    assert.equal(found?.touched, true);
  });

  test('is not the last backup: another one is made at once, and it stays', async () => {
    const { runAt, stand, warnings } = place();
    const path = (await runAt(start)) ?? '';
    alter(path);
    const next = await runAt(start + 1000);
    assert.notEqual(next, path);
    assert.equal(stand().length, 2);
    assert.deepEqual(warnings, ['altered-backup']);
  });

  test('makes no older one go', async () => {
    const { runAt, list, stand, warnings } = place();
    const first = (await runAt(start)) ?? '';
    const second = (await runAt(start + day)) ?? '';
    alter(second);
    // The hazard: with its size alone it is the newest of its day, and the older one of two days is not kept.
    const { remove } = retention(
      [...(await list()), { moment: start + 2 * day }],
      each => each.moment,
      start + 2 * day,
      keep,
    );
    assert.deepEqual(
      remove.map(each => 'path' in each && each.path),
      [first],
    );
    const third = (await runAt(start + 2 * day)) ?? '';
    assert.equal(stand().length, 3);
    assert.deepEqual(warnings, ['altered-backup']);
    // Sound ones go on taking their places.
    await runAt(start + 3 * day);
    assert.deepEqual(stand().length, 3);
    assert.ok(!stand().some(name => first.endsWith(name)) && stand().some(name => third.endsWith(name)));
  });

  test('one that cannot be read neither counts nor goes, is reported, and stops the retention of no other', async () => {
    const { runAt, stand, warnings } = place();
    const paths: string[] = [];
    for (let run = 0; run < 2; run += 1) paths.push((await runAt(start + run * day)) ?? '');
    const [first = '', second = ''] = paths;
    // This process has it open as a database, and to read it by a descriptor would end SQLite's locks on it.
    const open = new Database(second, { readonly: true, logger: false });
    chmodSync(second, 0o640);
    paths.push((await runAt(start + 2 * day)) ?? '', (await runAt(start + 3 * day)) ?? '');
    open.close();
    assert.deepEqual(new Set(warnings), new Set(['unread-backup']));
    const [, , third = '', fourth = ''] = paths;
    // The newest of two days: the second one is not known to be whole, and the first one is not needed any more.
    assert.deepEqual(
      stand().toSorted(),
      [second, third, fourth].map(path => basename(path)),
    );
    assert.ok(!stand().includes(basename(first)));
    await runAt(start + 4 * day);
    assert.deepEqual(stand().length, 2, 'read again, it counts and goes');
  });

  test('one that was touched and is the same counts, and is read once', async () => {
    const { runAt, list, stand, warnings } = place();
    const path = (await runAt(start)) ?? '';
    assert.equal((await list())[0]?.touched, false, 'one that nobody touched is not read');
    chmodSync(path, 0o600);
    chmodSync(path, 0o640);
    assert.equal((await list())[0]?.touched, true);
    assert.equal(await runAt(start + 1000), path);
    assert.equal(stand().length, 1);
    assert.equal((await list())[0]?.touched, false, 'the manifest has the time of the proof');
    assert.deepEqual(warnings, []);
  });
});
