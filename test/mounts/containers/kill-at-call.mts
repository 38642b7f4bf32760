/** Kills a container at its n-th system call in a scheduled backup or in a restore, and judges what is left. */
import assert from 'node:assert/strict';
import { cpSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { Native, names } from '../../backup/fixture.mts';
import { everyCall, type FaultBench } from '../../support/fault-shim.mts';
import { age, benchIn, hidden, home, stored, whose } from './bench.mts';
import { startContainer } from './container.mts';
import { obey, type Answer } from './service.mts';

/** One operation that is killed at each of its calls. */
export interface KilledOperation {
  /** Calls that it makes when nothing kills it. */
  readonly calls: number;
  /** Kills it at one call; false where it came to its end before. Throws what was not as promised. */
  readonly strike: (nth: number) => Promise<boolean>;
}

export const operations = {
  'a scheduled backup': killedBackup,
  'a restore': killedRestore,
} as const;

/**
 * Who goes on after a kill: another container, or this process, which has as little in common with the killed one (host name, boot,
 * processes), and starts sooner.
 */
export type Successor = 'container' | 'host';

/** Two databases share the folder; the one of the killed container is backed up again. */
async function killedBackup(root: string, faults: FaultBench, by: Successor): Promise<KilledOperation> {
  const { data, backups, backUp } = benchIn(root);
  const [one, two] = [home(root, 'one'), home(root, 'two')];
  // One, however many the schedule makes before this machine lets it end.
  await backUp(two, 1);
  const file = join(data, 'app.db');
  const order = { do: 'back-up', file, directory: backups, newest: 1, doctor: false } as const;
  const container = { mounts: [[one, data] as const], environment: faults.environment };
  const play = async (action: 'count' | 'kill', nth: number): Promise<number> => {
    faults.faults.arm({ calls: everyCall, path: `${root}/*`, nth, action });
    await startContainer(order, container, faults.folder).ended;
    const [counter] = faults.faults.counters();
    faults.faults.heal();
    return (action === 'kill' ? counter?.hits : counter?.seen) ?? 0;
  };
  const judge = async (what: string): Promise<void> => {
    age(backups);
    age(one);
    const { failed, made, reasons } =
      by === 'container' ? await backUp(one, 1) : ((await obey({ ...order, file: join(one, 'app.db') })) as Answer);
    assert.deepEqual([failed, reasons], [[], []], what);
    assert.equal(whose(made.at(-1) ?? ''), 'one', what);
    assert.deepEqual(hidden(backups), [], what);
    assert.deepEqual(hidden(one), [], what);
    assert.deepEqual(stored(backups), { one: 1, two: 1 }, what);
    assert.equal(names(backups).filter(name => name.endsWith('.json')).length, 2, what);
  };
  const calls = await play('count', 1);
  return {
    calls,
    async strike(nth) {
      const killed = (await play('kill', nth)) > 0;
      await judge(`killed at call ${nth} of ${calls}`);
      return killed;
    },
  };
}

/** Over a database as a crash leaves it; then the restore is made again. */
async function killedRestore(root: string, faults: FaultBench, by: Successor): Promise<KilledOperation> {
  const { data, backups, backUp, run } = benchIn(root);
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
  return {
    calls,
    async strike(nth) {
      const killed = (await play('kill', nth)) > 0;
      const what = `killed at call ${nth} of ${calls}`;
      // With the right to write, as the service opens it: a journal may have to be rolled back.
      assert.match(whose(join(one, 'app.db'), false), /^(?:one|later)$/, what);
      age(one);
      await (by === 'container'
        ? run(one, { do: 'restore', from })
        : obey({ do: 'restore', from, file: join(one, 'app.db') }));
      assert.equal(whose(join(one, 'app.db')), 'one', what);
      assert.deepEqual(hidden(one), [], what);
      assert.deepEqual(hidden(backups), [], what);
      assert.equal(whose(from), 'one', what);
      return killed;
    },
  };
}
