// Containers with databases of equal paths and one folder of backups: whose backup is whose, also after a kill at any call.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, utimesSync } from 'node:fs';
import { basename, join } from 'node:path';
import { describe, test } from 'node:test';
import { folder, Native, names } from '../../backup/fixture.mts';
import { createFaultBench, everyCall, faultsSkip } from '../../support/fault-shim.mts';
import { freshSeed, seeded } from '../../faults/random.mts';
import { inContainer, startContainer, whyNoContainers } from './container.mts';
import type { Answer } from './service.scenario.mts';

const skip = whyNoContainers();

interface Bench {
  readonly root: string;
  /** Where every container sees its database. */
  readonly data: string;
  readonly backups: string;
  /** A scheduled backup of the database in `home`, in a new container. */
  readonly backUp: (home: string, newest?: number) => Promise<Answer>;
  readonly run: (home: string, order: { do: 'vacuum' } | { do: 'restore'; from: string }) => Promise<unknown>;
}

function bench(t: Parameters<typeof folder>[0]): Bench {
  const root = folder(t);
  const [data, backups] = [join(root, 'data'), join(root, 'backups')];
  for (const each of [data, backups]) mkdirSync(each);
  const file = join(data, 'app.db');
  const scratch = join(root, 'scratch');
  const mounted = (home: string) => ({ mounts: [[home, data] as const] });
  return {
    root,
    data,
    backups,
    backUp: (home, newest = 2) =>
      inContainer({ do: 'back-up', file, directory: backups, newest }, mounted(home), scratch),
    run: (home, order) => inContainer({ ...order, file }, mounted(home), scratch),
  };
}

/** A folder with the database of a service, which says whose it is. */
function home(root: string, name: string): string {
  const path = join(root, name);
  mkdirSync(path);
  const db = new Native(join(path, 'app.db'));
  db.pragma('journal_mode=WAL');
  db.exec('CREATE TABLE who (name); CREATE TABLE filler (a)');
  db.prepare('INSERT INTO who VALUES (?)').run(name);
  db.prepare('INSERT INTO filler VALUES (randomblob(60000))').run();
  db.close();
  return path;
}

function whose(path: string, readonly = true): string {
  const db = new Native(path, { readonly });
  try {
    assert.deepEqual(db.pragma('integrity_check', { simple: true }), 'ok');
    return String(db.prepare('SELECT name FROM who').pluck().get());
  } finally {
    db.close();
  }
}

/** Whose the backups in a folder are, and of how many manifests each is one. */
function stored(backups: string): Record<string, number> {
  const found: Record<string, number> = {};
  for (const name of names(backups)) {
    if (!name.endsWith('.db')) continue;
    statSync(join(backups, name.replace(/\.db$/, '.json')));
    const owner = whose(join(backups, name));
    found[owner] = (found[owner] ?? 0) + 1;
  }
  return found;
}

function idsOf(backups: string): ReadonlySet<unknown> {
  const manifests = names(backups).filter(name => name.endsWith('.json'));
  return new Set(
    manifests.map(name => (JSON.parse(readFileSync(join(backups, name), 'utf8')) as { database: string }).database),
  );
}

/** Lets the time pass after which what has no lock counts as left: ten minutes for what is written at once. */
function age(path: string): void {
  const then = new Date(Date.now() - 11 * 60_000);
  for (const name of names(path)) {
    const isUnlocked = name.endsWith('.new') || (name.endsWith('.tmp') && statSync(join(path, name)).isFile());
    if (isUnlocked || name.endsWith('.json')) utimesSync(join(path, name), then, then);
  }
}

function hidden(backups: string): string[] {
  return names(backups).filter(name => name.startsWith('.'));
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
  /** Some of the calls; with `--long` every one. */
  const drawn = (calls: number): readonly number[] => {
    if (process.env['LONG_TESTS'] === '1') return Array.from({ length: calls }, (_, index) => index + 1);
    return Array.from({ length: 4 }, () => 1 + Math.floor(random() * calls));
  };

  test('in a scheduled backup, at any call: the next one in another container is made at once, and nothing is left', async t => {
    using faults = createFaultBench();
    const { root, data, backups, backUp } = bench(t);
    const [one, two] = [home(root, 'one'), home(root, 'two')];
    await backUp(two, 9);
    const file = join(data, 'app.db');
    const order = { do: 'back-up', file, directory: backups, newest: 1 } as const;
    const container = { mounts: [[one, data] as const], environment: faults.environment };
    const rule = { calls: everyCall, path: `${root}/*`, nth: 1 } as const;
    const play = async (action: 'count' | 'kill', nth: number): Promise<number> => {
      faults.faults.arm({ ...rule, nth, action });
      await startContainer(order, container, faults.folder).ended;
      const [counter] = faults.faults.counters();
      faults.faults.heal();
      return (action === 'kill' ? counter?.hits : counter?.seen) ?? 0;
    };
    const calls = await play('count', 1);
    let kills = 0;
    for (const nth of drawn(calls)) {
      kills += await play('kill', nth);
      const what = `killed at call ${nth} of ${calls}`;
      age(backups);
      age(one);
      const { failed, made, reasons } = await backUp(one, 1);
      assert.deepEqual([failed, reasons], [[], []], what);
      assert.equal(whose(made.at(-1) ?? ''), 'one', what);
      assert.deepEqual(hidden(backups), [], what);
      assert.deepEqual(hidden(one), [], what);
      const { one: ones = 0, ...others } = stored(backups);
      assert.deepEqual(others, { two: 1 }, what);
      assert.equal(ones, 1, what);
      assert.equal(names(backups).filter(name => name.endsWith('.json')).length, 2, what);
    }
    t.diagnostic(`${kills} kills at ${calls} calls`);
    assert.ok(kills > 0);
  });

  test('in a restore, at any call: the old database or the new one stands there, and a restore in another container completes', async t => {
    using faults = createFaultBench();
    const { root, data, backups, backUp, run } = bench(t);
    const model = home(root, 'one');
    const from = (await backUp(model, 9)).made[0] ?? '';
    const later = new Native(join(model, 'app.db'));
    later.pragma('wal_autocheckpoint=0');
    later.exec("UPDATE who SET name = 'later'");
    // As a crash leaves it: the change is in the -wal.
    const [crashed, one] = [join(root, 'crashed'), join(root, 'target')];
    mkdirSync(one);
    cpSync(model, crashed, { recursive: true });
    rmSync(join(crashed, 'app.db-shm'));
    later.close();
    const order = { do: 'restore', from, file: join(data, 'app.db') } as const;
    const container = { mounts: [[one, data] as const], environment: faults.environment };
    const play = async (action: 'count' | 'kill', nth: number): Promise<number> => {
      rmSync(one, { recursive: true });
      cpSync(crashed, one, { recursive: true });
      faults.faults.arm({ calls: everyCall, path: `${root}/*`, nth, action });
      await startContainer(order, container, faults.folder).ended;
      const [counter] = faults.faults.counters();
      faults.faults.heal();
      return (action === 'kill' ? counter?.hits : counter?.seen) ?? 0;
    };
    const calls = await play('count', 1);
    assert.equal(whose(join(one, 'app.db')), 'one');
    let kills = 0;
    for (const nth of drawn(calls)) {
      kills += await play('kill', nth);
      const what = `killed at call ${nth} of ${calls}`;
      // With the right to write, as the service opens it: a journal may have to be rolled back.
      assert.match(whose(join(one, 'app.db'), false), /^(?:one|later)$/, what);
      age(one);
      await run(one, { do: 'restore', from });
      assert.equal(whose(join(one, 'app.db')), 'one', what);
      assert.deepEqual(hidden(one), [], what);
      assert.deepEqual(hidden(backups), [], what);
      assert.equal(whose(from), 'one', what);
    }
    t.diagnostic(`${kills} kills at ${calls} calls`);
    assert.ok(kills > 0);
  });
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
