import assert from 'node:assert/strict';
import {
  existsSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { Database, FileReplacedError } from 'safe-sqlite';
import { FolderWatch, isSettled } from '../../dist/sentinel/folder-watch.js';

test('a time is settled when no later change can have it', () => {
  assert.equal(isSettled(10_000, 10_000), false);
  assert.equal(isSettled(10_000, 13_000), false);
  assert.equal(isSettled(10_000, 13_001), true);
  assert.equal(isSettled(10_000, 9000), false);
  assert.equal(isSettled(10_000.25, 10_500.25), false);
  assert.equal(isSettled(10_000.25, 10_500.5), true);
  assert.equal(isSettled(10_000.25, 9000), false);
});

/** Longer than the time after which the status time of a folder counts. */
const settledMs = 3100;

type Change = (folder: string, name: string) => void;

/** Each makes a name lead to another file, or to none, in its own way; `name` exists. */
const changes: Readonly<Record<string, Change>> = {
  delete: (folder, name) => rmSync(join(folder, name)),
  rename: (folder, name) => renameSync(join(folder, name), join(folder, 'elsewhere')),
  'replace by rename': (folder, name) => {
    writeFileSync(join(folder, '..', 'new'), 'new');
    renameSync(join(folder, '..', 'new'), join(folder, name));
  },
  'delete and make again': (folder, name) => {
    rmSync(join(folder, name));
    writeFileSync(join(folder, name), 'new');
  },
  'delete and link': (folder, name) => {
    writeFileSync(join(folder, 'other'), 'new');
    rmSync(join(folder, name));
    linkSync(join(folder, 'other'), join(folder, name));
  },
  'delete, and set the times of the folder back': (folder, name) => {
    const { atime, mtime } = statSync(folder);
    rmSync(join(folder, name));
    utimesSync(folder, atime, mtime);
  },
  'replace the folder': (folder, name) => {
    renameSync(folder, `${folder}-old`);
    mkdirSync(folder);
    writeFileSync(join(folder, name), 'new');
  },
  'delete the folder': folder => rmSync(folder, { recursive: true }),
};

for (const ground of [tmpdir(), '/dev/shm']) {
  describe(`on ${ground}`, { concurrency: true, skip: existsSync(ground) ? false : `there is no ${ground}` }, () => {
    let root: string;
    before(() => (root = mkdtempSync(join(ground, 'folder-watch-'))));
    after(() => rmSync(root, { recursive: true, force: true }));

    test('each way to change a name is seen, once the folder had its rest and before', async () => {
      const watches = Object.entries(changes).flatMap(([name, change], index) =>
        (['rested', 'restless'] as const).map(state => {
          const folder = join(root, `${index}-${state}`, 'folder');
          mkdirSync(folder, { recursive: true });
          writeFileSync(join(folder, 'a.db'), '');
          return { name, change, state, folder, watch: new FolderWatch(folder) };
        }),
      );
      await delay(settledMs);
      for (const { name, change, state, folder, watch } of watches) {
        // What has just changed is not trusted, whatever is found.
        if (state === 'restless') writeFileSync(join(folder, 'upload'), '');
        assert.equal(watch.mayHaveChanged(), true, name);
        watch.trust();
        assert.equal(watch.mayHaveChanged(), state === 'restless', name);
        watch.trust();
        change(folder, 'a.db');
        assert.equal(watch.mayHaveChanged(), true, `${name}, ${state}`);
      }
    });

    test('a change between the question and the look is seen by the next question', async () => {
      const folder = join(root, 'between');
      mkdirSync(folder);
      writeFileSync(join(folder, 'a.db'), '');
      const watch = new FolderWatch(folder);
      await delay(settledMs);
      assert.equal(watch.mayHaveChanged(), true);
      rmSync(join(folder, 'a.db'));
      watch.trust();
      assert.equal(watch.mayHaveChanged(), true);
    });

    for (const suffix of ['', '-wal', '-shm']) {
      test(`a commit is refused after a${suffix === '' ? ' database' : suffix} was replaced in a folder at rest`, async () => {
        const folder = mkdtempSync(join(root, 'db-'));
        const file = join(folder, 'a.db');
        const db = new Database(file, { logger: false, processGuard: 'off', sentinel: { intervalMs: 3_600_000 } });
        db.exec('CREATE TABLE t (a)');
        const insert = db.prepare('INSERT INTO t VALUES (?)');
        await delay(settledMs);
        for (let number = 0; number < 3; number += 1) await db.write(() => insert.run(number));
        renameSync(`${file}${suffix}`, `${file}-old${suffix}`);
        writeFileSync(`${file}${suffix}`, '');
        await assert.rejects(
          db.write(() => insert.run('lost')),
          FileReplacedError,
        );
        db.close();
      });
    }
  });
}
