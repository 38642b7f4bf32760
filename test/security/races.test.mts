/**
 * Root works in a folder in which another user may write. Before and after each system call of its that goes by a name there,
 * the other user exchanges what stands at that name. Nothing outside of the folder is written, given away or shown, and the
 * answer is a refusal, or success on the right file.
 *
 * `npm test` takes a few of the moments of each operation, with one exchange each; `npm run test:fuzz` takes all.
 */
import assert from 'node:assert/strict';
import { chmodSync, chownSync, lstatSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import Native from 'better-sqlite3';
import { createFaultBench, faultsSkip, type Call, type FaultBench, type Scenario } from '../support/fault-shim.mts';
import type { PlainError } from '../support/fault-scenario.mts';
import type { Turn } from './races.scenario.mts';
import { runAs, service, shellAs, stranger, usersSkip } from './users.mts';

const isLong = process.env['LONG_TESTS'] !== undefined;
const scenario = fileURLToPath(new URL('races.scenario.mts', import.meta.url));
const names: readonly Call[] = ['open', 'link', 'rename', 'unlink', 'mkdir', 'rmdir', 'chmod'];
const secret = 'S3CRET-of-root';
/** So late on no machine: what has not answered by then waits for ever. */
const limitMs = 120_000;

/** What the other user puts under the name; `$f` is a file and `$d` a folder of root, `$p` the name. */
const exchanges = {
  'link to a file': 'ln -s $f $p',
  'link to a folder': 'ln -s $d $p',
  'link to a database': 'ln -s $b $p',
  'hard link': 'touch $p.mine && ln $p.mine $p',
  'another file': 'touch $p && chmod 666 $p',
  'another folder': 'mkdir $p && chmod 777 $p',
  FIFO: 'mkfifo -m 666 $p',
} as const;
type Exchange = keyof typeof exchanges;
/** Files made without an explicit mode are readable for every user, or for their owner alone. */
const masks = [0o000, 0o077];
const every = Object.keys(exchanges) as Exchange[];

interface Folder {
  readonly title: string;
  readonly attacker: number;
  readonly make: (path: string) => void;
}
const folders: readonly Folder[] = [
  {
    title: 'a folder of a service',
    attacker: service,
    make: path => {
      mkdirSync(path);
      chownSync(path, service, service);
      chmodSync(path, 0o755);
    },
  },
  {
    title: 'a sticky folder that every user may write',
    attacker: stranger,
    make: path => {
      mkdirSync(path);
      chmodSync(path, 0o1777);
    },
  },
  {
    title: 'a folder that every user may write',
    attacker: stranger,
    make: path => {
      mkdirSync(path);
      chmodSync(path, 0o777);
    },
  },
];

/** Two of a list, others for another `shift`. */
function two<Item>(list: readonly Item[], shift: number): readonly Item[] {
  const step = Math.max(1, Math.floor(list.length / 2));
  return [shift % step, (shift % step) + step].flatMap(index => list.slice(index, index + 1));
}

function isFilled(path: string): boolean {
  try {
    const stats = lstatSync(path);
    return stats.isFile() && stats.size > 0;
  } catch {
    return false;
  }
}

const skip = usersSkip() || faultsSkip();

describe('a race with root', { skip: skip === false && !isLong ? 'runs in `npm run test:fuzz`' : skip }, () => {
  let bench: FaultBench;
  let root: Scenario;
  let temporary: string;
  let turns = 0;
  before(() => {
    bench = createFaultBench({ log: true });
    chmodSync(bench.folder, 0o755);
    temporary = join(bench.folder, 'tmp');
    mkdirSync(temporary, { mode: 0o700 });
    start();
  });
  const start = (): void => {
    root = bench.start(scenario, { env: { TMPDIR: temporary } });
  };
  after(() => bench?.[Symbol.dispose]());

  interface Place extends Turn {
    readonly victim: string;
    readonly victimFolder: string;
    readonly victimDatabase: string;
  }

  function prepare(folder: Folder, umask: number): Place {
    const place = join(bench.folder, `${turns++}`);
    mkdirSync(place, { mode: 0o755 });
    chmodSync(place, 0o755);
    const own = join(place, 'own');
    mkdirSync(own, { mode: 0o700 });
    database(join(own, 'app.db'), secret, 0o600);
    const shared = join(place, 'shared');
    folder.make(shared);
    database(join(shared, 'old.db'), 'an old one', 0o644);
    const victimFolder = join(place, 'etc');
    mkdirSync(victimFolder, { mode: 0o700 });
    const victim = join(place, 'passwd');
    writeFileSync(victim, 'root:x:0:0', { mode: 0o600 });
    const victimDatabase = join(place, 'victim.db');
    database(victimDatabase, 'of root', 0o600);
    return { own, shared, umask, victim, victimFolder, victimDatabase };
  }

  function database(path: string, text: string, mode: number): void {
    const db = new Native(path);
    db.exec('CREATE TABLE t (a)');
    db.prepare('INSERT INTO t VALUES (?)').run(text);
    db.close();
    chmodSync(path, mode);
  }

  const outside = ({ victim, victimFolder, victimDatabase }: Place): unknown =>
    [victim, victimFolder, victimDatabase].map(path => {
      const { mode, uid, gid, size, ino, mtimeMs, ctimeMs } = statSync(path);
      const content = path === victimFolder ? null : readFileSync(path, 'base64');
      return { path, mode, uid, gid, size, ino, mtimeMs, ctimeMs, content };
    });

  interface Result {
    /** What was held: the call and its path in the shared folder; `null`: there are not so many. */
    readonly held: string | null;
    readonly value: string | null;
    readonly error: PlainError | null;
  }

  /** Runs an operation; at its `nth` call that goes by a name in the folder the other user exchanges what stands there. */
  async function race(
    name: string,
    place: Place,
    attacker: number,
    nth: number,
    when: 'hold' | 'hold-after',
    exchange: Exchange,
  ): Promise<Result> {
    bench.faults.arm({ calls: names, path: `${place.shared}/*`, nth, action: when });
    const { own, shared, umask } = place;
    let over = false;
    const running = root
      .ask<string | null>('run', { name, turn: { own, shared, umask } })
      .then(
        value => ({ value, error: null }),
        (error: unknown) => ({ value: null, error: error as PlainError }),
      )
      .finally(() => (over = true));
    while (!over && bench.faults.counters()[0]?.hits === 0) await delay(2);
    const call = bench.log().findLast(({ outcome }) => outcome === when);
    const held =
      bench.faults.counters()[0]?.hits === 0 || call === undefined
        ? null
        : `${call.call} ${call.path.slice(shared.length)}`;
    if (call !== undefined && held !== null) {
      const top = call.path.slice(shared.length + 1).split('/')[0] ?? '';
      const p = join(shared, top);
      const line = `p='${p}'; f='${place.victim}'; d='${place.victimFolder}'; b='${place.victimDatabase}';
        { mv -T $p $p.away; ${exchanges[exchange]}; } 2>/dev/null; true`;
      shellAs(attacker, line);
    }
    bench.faults.heal();
    const result = await Promise.race([running, delay(limitMs, null, { ref: false })]);
    if (result !== null) return { held, ...result };
    root.kill();
    start();
    throw new Error(`${name} waits for ever: ${exchange} at ${held}`);
  }

  /** The numbers of the calls that an operation makes when it is undisturbed. */
  async function momentsOf(name: string, folder: Folder): Promise<readonly number[]> {
    const place = prepare(folder, 0o022);
    const { own, shared, umask } = place;
    bench.faults.arm({ calls: names, path: `${shared}/*`, action: 'count' });
    const value = await root.ask<string | null>('run', { name, turn: { own, shared, umask } });
    judge(name, place, folder.attacker, outside(place), { held: null, value, error: null }, 'nothing');
    const [{ seen } = { seen: 0 }] = bench.faults.counters();
    bench.faults.heal();
    rmSync(join(own, '..'), { recursive: true, force: true });
    return Array.from({ length: seen }, (_, index) => index + 1);
  }

  function judge(
    name: string,
    place: Place,
    attacker: number,
    before: unknown,
    { held, value, error }: Result,
    exchange: string,
  ): void {
    const what = `${name}, ${exchange} at ${held}: ${JSON.stringify(value ?? error)}`;
    assert.deepEqual(outside(place), before, what);
    if (!name.includes('restore')) {
      // What a restore makes belongs to whoever has the folder, or had the old database.
      const seen = runAs(attacker, 'grep', '-rl', '-D', 'skip', secret, place.shared).stdout;
      assert.equal(seen, '', what);
    }
    if (error !== null) {
      assert.match(error.code ?? error.name, /^(?:SAFE_SQLITE_|SQLITE_)/, what);
    } else if (value !== null) {
      // After the last look of root the other user may move it, as always.
      const made = [value, value.replace(/^(.*\/shared\/[^/]+)/, '$1.away')].find(isFilled);
      assert.ok(made !== undefined, what);
      const db = new Native(made, { readonly: true });
      assert.equal(db.prepare('SELECT a FROM t').pluck().get(), secret, what);
      db.close();
    }
  }

  test('the hazard: a name that is exchanged between two calls of root leads its bytes elsewhere', () => {
    const [folder] = folders;
    assert.ok(folder !== undefined);
    const place = prepare(folder, 0o022);
    const path = join(place.shared, 'copy.db');
    writeFileSync(path, '');
    shellAs(service, `mv ${path} ${path}.away && ln -s ${place.victim} ${path}`);
    writeFileSync(path, secret);
    assert.equal(readFileSync(place.victim, 'utf8'), secret);
  });

  const operations = [
    'backup vacuum-into',
    'backup online',
    'backup replace',
    'snapshot',
    'schedule',
    'schedule into a new folder',
    'rescue',
    'restore to a new file',
    'restore over a database',
    'restore over a fenced database',
    'fence marker',
    'clearFence',
    'command line: backup',
    'command line: restore',
  ];

  for (const [position, name] of operations.entries()) {
    test(name, async () => {
      let raced = 0;
      for (const [number, folder] of folders.entries()) {
        if (!isLong && number !== position % folders.length) continue;
        const moments = await momentsOf(name, folder);
        for (const when of ['hold', 'hold-after'] as const) {
          for (const nth of isLong ? moments : two(moments, position + (when === 'hold' ? 0 : 1))) {
            // Each moment meets another exchange in each kind of folder, before the call and after it.
            const turn = nth + 2 * number + (when === 'hold' ? 0 : 3);
            const exchange = every[turn % every.length] ?? 'FIFO';
            const place = prepare(folder, masks[turn % masks.length] ?? 0);
            const before = outside(place);
            const result = await race(name, place, folder.attacker, nth, when, exchange);
            judge(name, place, folder.attacker, before, result, exchange);
            rmSync(join(place.own, '..'), { recursive: true, force: true });
            if (result.held !== null) raced++;
          }
        }
      }
      assert.ok(raced > 0, 'It goes by names in the folder.');
    });
  }

  test('every operation of the program is in the list', async () => {
    assert.deepEqual((await root.ask<string[]>('names')).toSorted(), operations.toSorted());
  });
});
