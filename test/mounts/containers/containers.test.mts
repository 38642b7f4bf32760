// Containers with databases of equal paths and one folder of backups: whose backup is whose, also after a kill at any call.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import { describe, test } from 'node:test';
import { folder, Native } from '../../backup/fixture.mts';
import { createFaultBench, faultsSkip } from '../../support/fault-shim.mts';
import { freshSeed, seeded } from '../../faults/random.mts';
import { benchIn, hidden, home, idsOf, stored, whose, type Bench } from './bench.mts';
import { startContainer, whyNoContainers } from './container.mts';
import { operations } from './kill-at-call.mts';
import type { Answer } from './service.mts';

const skip = whyNoContainers();

function bench(t: Parameters<typeof folder>[0]): Bench {
  return benchIn(folder(t));
}

describe('containers with databases at equal paths share a folder of backups', { skip }, () => {
  test('each is backed up on its own, sees only its own, and removes only its own', async t => {
    const { root, backups, backUp } = bench(t);
    const [one, two] = [home(root, 'one'), home(root, 'two')];
    const seen = new Set<string>();
    for (let round = 0; round < 3; round += 1) {
      // At the same time, so that they also take the same names.
      const answers = await Promise.all([backUp(one, 2), backUp(two, 1)]);
      for (const [index, { made, failed, backups: health, reasons, doctor, container }] of answers.entries()) {
        const name = ['one', 'two'][index];
        assert.deepEqual(failed, [], name);
        const newest = made.at(-1) ?? '';
        assert.equal(whose(newest), name);
        assert.equal(health?.lastBackup?.path, newest);
        assert.deepEqual(reasons, []);
        assert.match(doctor, new RegExp(basename(newest)));
        for (const mark of container.slice(0, 2)) seen.add(mark);
      }
    }
    assert.equal(seen.size, 12, 'every container had a host name and a boot of its own');
    assert.deepEqual(stored(backups), { one: 2, two: 1 });
    assert.deepEqual(hidden(backups), []);
  });

  test('the history goes on after a restart, VACUUM, a restore, and a move of the folder or of the file', async t => {
    const { root, backups, backUp, run } = bench(t);
    let one = home(root, 'one');
    const first = await backUp(one, 99);
    await backUp(one, 99);
    await run(one, { do: 'vacuum' });
    await backUp(one, 99);
    await run(one, { do: 'restore', from: first.made[0] ?? '' });
    await backUp(one, 99);
    renameSync(one, join(root, 'moved'));
    one = join(root, 'moved');
    await backUp(one, 99);
    // Without its `-backup-id`: by inode and birth time, which the last manifest has.
    const alone = join(root, 'alone');
    mkdirSync(alone);
    renameSync(join(one, 'app.db'), join(alone, 'app.db'));
    const last = await backUp(alone, 2);
    assert.deepEqual(last.warnings, []);
    assert.equal(idsOf(backups).size, 1);
    assert.deepEqual(stored(backups), { one: 2 }, 'retention saw all of them');
  });

  test('a copy with its `-backup-id` begins a history of its own, says so, and removes nothing', async t => {
    const { root, backups, backUp } = bench(t);
    const one = home(root, 'one');
    await backUp(one, 1);
    const copy = join(root, 'copy');
    cpSync(one, copy, { recursive: true });
    const db = new Native(join(copy, 'app.db'));
    db.exec("UPDATE who SET name = 'copy'");
    db.close();
    const { warnings } = await backUp(copy, 1);
    assert.deepEqual(warnings, ['backup-identity']);
    await backUp(copy, 1);
    assert.deepEqual((await backUp(one, 1)).warnings, []);
    assert.deepEqual(stored(backups), { one: 1, copy: 1 });
    rmSync(copy, { recursive: true });
  });
});

describe('one layer of an image below several containers', { skip }, () => {
  test('a database that comes with the image, and has a `-backup-id` already, is another one in each container', async t => {
    const { root, backups, backUp } = bench(t);
    // As `docker build` leaves it: the same inodes for every container.
    const image = home(root, 'image');
    await backUp(image, 9);
    const mounted: string[] = [];
    using _unmounted = { [Symbol.dispose]: () => mounted.forEach(each => execFileSync('umount', [each])) };
    const containers = ['one', 'two'].map(name => {
      const [upper, work, merged] = [join(root, `${name}-upper`), join(root, `${name}-work`), join(root, name)];
      for (const each of [upper, work, merged]) mkdirSync(each);
      execFileSync('mount', [
        '-t',
        'overlay',
        '-o',
        `lowerdir=${image},upperdir=${upper},workdir=${work}`,
        'overlay',
        merged,
      ]);
      mounted.push(merged);
      const db = new Native(join(merged, 'app.db'));
      db.prepare('UPDATE who SET name = ?').run(name);
      db.close();
      return merged;
    });
    for (let round = 0; round < 2; round += 1) {
      for (const merged of containers) assert.deepEqual((await backUp(merged, 1)).failed, []);
    }
    assert.deepEqual(stored(backups), { image: 1, one: 1, two: 1 });
  });
});

describe('a container that is killed', { skip: skip === false ? faultsSkip() : skip }, () => {
  const random = seeded(freshSeed());
  for (const [title, raise] of Object.entries(operations)) {
    // every-kill.mts goes through all of them.
    test(`in ${title}, at any call: what stands is whole, and another container completes it and leaves nothing`, async t => {
      using faults = createFaultBench();
      const { calls, strike } = await raise(folder(t), faults, 'container');
      let kills = 0;
      for (let each = 0; each < 4; each += 1) kills += (await strike(1 + Math.floor(random() * calls))) ? 1 : 0;
      t.diagnostic(`${kills} kills at ${calls} calls`);
      assert.ok(kills > 0);
    });
  }
});

describe('a container that is at work', { skip: skip === false ? faultsSkip() : skip }, () => {
  test('keeps its turn and its unfinished copy; one that waits for the turn is degraded after two intervals', async t => {
    using faults = createFaultBench();
    const { root, data, backups, backUp } = bench(t);
    const [one, two] = [home(root, 'one'), home(root, 'two')];
    const file = join(data, 'app.db');
    // The disk of the first container takes its time for the sync of the copy.
    faults.faults.arm({ calls: ['fsync', 'fdatasync'], path: `${backups}/*`, count: 'all', action: 'hold' });
    const held = startContainer(
      { do: 'back-up', file, directory: backups, newest: 1 },
      { mounts: [[one, data]], environment: faults.environment },
      faults.folder,
    );
    await faults.hit();
    const copies = (): string[] => hidden(backups).filter(name => name.endsWith('.tmp'));
    const [copy] = copies();
    assert.ok(copy !== undefined);
    assert.deepEqual((await backUp(two, 1)).failed, []);
    assert.deepEqual(copies(), [copy], 'the copy of the living one');
    const { answer } = await startContainer(
      { do: 'watch', file, directory: backups },
      { mounts: [[one, data]] },
      faults.folder,
    ).ended;
    const seen = answer as { status: string; overdue: string; reasons: string[] };
    assert.equal(seen.status, 'degraded');
    assert.match(seen.overdue, /another process/);
    assert.match(seen.reasons.join('; '), /No scheduled backup was made/);
    faults.faults.heal();
    const end = await held.ended;
    assert.deepEqual((end.answer as Answer | null)?.failed, [], end.stderr);
    assert.deepEqual(stored(backups), { one: 1, two: 1 });
    assert.deepEqual(hidden(backups), []);
  });
});
