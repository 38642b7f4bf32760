/** Shows which listeners get the events of a connection that several handles share, also when a module is loaded again. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test, type TestContext } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { closeAllDatabases, openDatabase, type Database } from 'safe-sqlite';

const quiet = { logger: false, checkpoint: 'off' } as const;

describe('the listeners of handles on one connection', () => {
  const folder = mkdtempSync(join(tmpdir(), 'handle-events-'));
  after(() => rmSync(folder, { recursive: true, force: true }));
  let count = 0;
  const path = (): string => join(folder, `${(count += 1)}.db`);

  /** Process warnings from now on: Node reports the eleventh listener of one emitter as a leak. */
  function processWarnings(t: TestContext): string[] {
    const names: string[] = [];
    const listener = ({ name }: Error): void => void names.push(name);
    process.on('warning', listener);
    t.after(() => process.off('warning', listener));
    return names;
  }

  // How a module that opens the database is loaded again: what closes the old handle, and when.
  const reloads = {
    'the old handle is closed first, as import.meta.hot.dispose of Vite does': (
      open: () => Database,
      old: Database,
    ) => {
      old.close();
      return open();
    },
    'the old handle is closed later, as module.hot.dispose with app.close() of Nest does': (
      open: () => Database,
      old: Database,
    ) => {
      const next = open();
      old.close();
      return next;
    },
    'the old handle is disposed': (open: () => Database, old: Database) => {
      const next = open();
      old[Symbol.dispose]();
      return next;
    },
    'the old handle is disposed asynchronously': async (open: () => Database, old: Database) => {
      const next = open();
      await old[Symbol.asyncDispose]();
      return next;
    },
  };

  for (const [name, reload] of Object.entries(reloads)) {
    test(`${name}: twelve reloads leave one listener`, async t => {
      const warnings = processWarnings(t);
      const file = path();
      const heard: number[] = [];
      let opened = 0;
      const open = (): Database => {
        const db = openDatabase(file, quiet);
        const number = (opened += 1);
        db.events.on('checkpoint', () => heard.push(number));
        return db;
      };
      let db = open();
      for (let round = 0; round < 12; round += 1) db = await reload(open, db);
      heard.length = 0;
      db.exec('CREATE TABLE t (a)');
      await db.checkpoint('truncate');
      await turn();
      assert.deepEqual([[...new Set(heard)], warnings], [[13], []]);
      db.close();
    });
  }

  test('every open handle hears of the connection, whichever handle acts', async () => {
    const file = path();
    const handles = [openDatabase(file, quiet), openDatabase(file, quiet), openDatabase(file, quiet)];
    const heard = new Set<number>();
    handles.forEach(({ events }, index) => events.on('checkpoint', () => heard.add(index)));
    const afterCheckpoint = async (): Promise<number[]> => {
      heard.clear();
      handles[0]!.exec('CREATE TABLE IF NOT EXISTS t (a); INSERT INTO t VALUES (1)');
      await handles[2]!.checkpoint('truncate');
      return [...heard];
    };
    assert.deepEqual(await afterCheckpoint(), [0, 1, 2]);
    handles[1]!.close();
    assert.deepEqual(await afterCheckpoint(), [0, 2], 'a closed one does not');
    handles[1]!.events.on('checkpoint', () => heard.add(3));
    handles[1]!.close();
    assert.deepEqual(await afterCheckpoint(), [0, 2], 'nor does it again');
    handles[0]!.close();
    handles[2]!.close();
  });

  test('the first use of events after close hears nothing either', async () => {
    const file = path();
    const [one, two] = [openDatabase(file, quiet), openDatabase(file, quiet)];
    one.close();
    const heard = new Set<string>();
    one.events.on('checkpoint', () => heard.add('one'));
    two.events.on('checkpoint', () => heard.add('two'));
    two.exec('CREATE TABLE t (a)');
    await two.checkpoint('truncate');
    assert.deepEqual([...heard], ['two']);
    two.close();
  });

  test('a listener that closes a handle takes the event from no other handle', async () => {
    const file = path();
    const [one, two, three] = [openDatabase(file, quiet), openDatabase(file, quiet), openDatabase(file, quiet)];
    const heard = new Set<string>();
    one.events.on('checkpoint', () => {
      heard.add('one');
      one.close();
      two.close();
    });
    two.events.on('checkpoint', () => heard.add('two, which is closed'));
    three.events.on('checkpoint', () => heard.add('three'));
    three.exec('CREATE TABLE t (a)');
    await three.checkpoint('truncate');
    assert.deepEqual([...heard], ['one', 'three']);
    three.close();
  });

  test('closed goes to the handle that closes last, and to all of closeAllDatabases', () => {
    const file = path();
    const closed: string[] = [];
    const open = (name: string): Database => {
      const db = openDatabase(file, quiet);
      db.events.on('closed', () => closed.push(name));
      return db;
    };
    const [one, two] = [open('one'), open('two')];
    one.close();
    assert.deepEqual(closed, []);
    two.close();
    assert.deepEqual(closed, ['two']);
    open('three');
    open('four');
    closeAllDatabases();
    assert.deepEqual(closed, ['two', 'three', 'four']);
  });

  test('a handle that was garbage-collected leaves the listener of an alert', async () => {
    const file = path();
    const kept = openDatabase(file, quiet);
    let collected = false;
    kept.events.on('warning', ({ code }) => {
      collected ||= code === 'leaked-handle';
    });
    let heard = 0;
    (() => openDatabase(file, quiet).events.on('checkpoint', () => (heard += 1)))();
    setFlagsFromString('--expose-gc');
    const gc = runInNewContext('gc') as () => void;
    while (!collected) {
      gc();
      await turn();
    }
    kept.exec('CREATE TABLE t (a)');
    await kept.checkpoint('truncate');
    assert.ok(heard > 0);
    kept.close();
  });
});
