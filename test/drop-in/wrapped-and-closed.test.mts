/** Compares handles behind a Proxy or Object.create, and harmless calls after close(), over both libraries. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Database as OurDatabase } from 'safe-sqlite';
import { suite, type Db } from './subjects.mts';

const wrappers: Readonly<Record<string, <Value extends object>(value: Value) => Value>> = {
  'a Proxy': value => new Proxy(value, {}),
  'a Proxy with a get trap': value => new Proxy(value, { get: (target, name, receiver) => Reflect.get(target, name, receiver) as unknown }),
  'Object.create': value => Object.create(value) as typeof value,
  'a Proxy of Object.create': value => new Proxy(Object.create(value) as typeof value, {}),
}; // prettier-ignore

suite('wrapped and closed handles', bench => {
  for (const [name, wrap] of Object.entries(wrappers)) {
    test(`every member works through ${name}`, async () => {
      const original = bench.open();
      const db = wrap(original);
      assert.equal(db.exec('INSERT INTO t (a) VALUES (1)'), db);
      assert.deepEqual(
        [db.open, db.inTransaction, db.readonly, db.memory, db.name],
        [true, false, false, false, original.name],
      );
      assert.equal(db.prepare('SELECT count(*) FROM t').pluck().get(), 1);
      assert.equal(db.transaction((a: number) => db.prepare('INSERT INTO t (a) VALUES (?)').run(a).changes)(2), 1);
      assert.equal(db.pragma('user_version', { simple: true }), 0);
      db.function('twice', (a: number) => a * 2);
      db.aggregate('total2', { start: 0, step: (total: number, a: number) => total + a });
      assert.equal(db.prepare('SELECT twice(total2(a)) FROM t').pluck().get(), 6);
      assert.equal(db.defaultSafeIntegers(false), db);
      assert.ok(db.serialize().length > 0);
      await db.backup(bench.path());
      assert.equal(db.unsafeMode(false), db);
      if (bench.ours) {
        const ours = db as unknown as OurDatabase;
        assert.equal(await ours.write(() => 5), 5);
        assert.deepEqual(
          ours.health().reasons.filter(reason => !/not durable/.test(reason)),
          [],
        );
        assert.equal(ours.plan.journalMode, 'wal');
        assert.ok(ours.events);
        await ours.checkpoint();
      }
      db.close();
      assert.equal(original.open, false);
    });

    test(`statements work through ${name}, in ours`, () => {
      if (!bench.ours) {
        // A native object does not survive it.
        assert.throws(() => wrap(bench.open().prepare('SELECT 1')).get(), TypeError);
        return;
      }
      const db = bench.open();
      const insert = wrap(db.prepare('INSERT INTO t (a) VALUES (?)'));
      assert.equal(insert.run(7).changes, 1);
      const select = wrap(db.prepare<unknown[], unknown>('SELECT a FROM t'));
      assert.deepEqual(select.all(), [{ a: 7 }]);
      assert.deepEqual([select.pluck() === select, select.get(), select.busy], [true, 7, false]);
      assert.deepEqual([...select.iterate()], [7]);
      assert.equal(select.columns()[0]?.name, 'a');
      assert.equal(select.safeIntegers(), select);
      assert.equal(wrap(db.prepare('SELECT count(*) FROM t').safeIntegers().pluck()).get(), 1n);
      assert.equal(wrap(db.prepare('SELECT ?').bind(3)).raw().get()?.toString(), '3');
    });
  }

  test('a method of another object is refused', () => {
    const db = bench.open();
    assert.throws(() => Reflect.apply(db.exec.bind({}) as Db['exec'], {}, ['SELECT 1']), TypeError);
    assert.throws(() => db.prepare('SELECT 1').get.call({} as never), TypeError);
  });

  test('harmless calls after close()', () => {
    const db = bench.open();
    const statement = db.prepare('SELECT 1 AS one');
    const iterator = statement.iterate();
    assert.equal(iterator.next().done, false);
    assert.equal(iterator.next().done, true);
    db.close();
    assert.equal(statement.pluck(), statement);
    assert.equal(statement.raw(), statement);
    assert.equal(statement.expand(), statement);
    assert.equal(statement.safeIntegers(), statement);
    assert.deepEqual(iterator.next(), { value: undefined, done: true });
    assert.throws(() => db.transaction(() => {}), TypeError);
    assert.throws(() => statement.get(), TypeError);
    assert.throws(() => db.exec('SELECT 1'), TypeError);
    assert.throws(() => db.prepare('SELECT 1'), TypeError);
    assert.equal(db.close(), db);
    assert.deepEqual([db.open, db.inTransaction], [false, false]);
  });
});
