import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { FairQueue } from '../../dist/readers/fair-queue.js';

interface Item {
  place: number;
  readonly session: object;
  readonly queuedAt: number;
}

const sessions = ['a', 'b', 'c'].map(name => ({ name }));

test('the handles take turns: one with a hundred calls does not keep the others waiting', () => {
  const queue = new FairQueue<Item>();
  const [one = {}, other = {}] = sessions;
  const items = Array.from({ length: 100 }, (_, queuedAt) => ({ place: -1, session: one, queuedAt }));
  for (const item of items) queue.push(item);
  const late = { place: -1, session: other, queuedAt: 100 };
  queue.push(late);
  assert.equal(queue.shift(), items[0]);
  assert.equal(queue.shift(), late);
  assert.equal(queue.shift(), items[1]);
  assert.equal(queue.oldest(), items[2]);
});

test('behaves as a list of lists, whatever comes and goes', () => {
  const step = fc.oneof(
    fc.record({ do: fc.constant('push' as const), who: fc.nat(2) }),
    fc.record({ do: fc.constant('shift' as const) }),
    fc.record({ do: fc.constant('remove' as const), which: fc.nat(20) }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), steps => {
      const queue = new FairQueue<Item>();
      const model: Item[][] = [];
      const all: Item[] = [];
      for (const [queuedAt, each] of steps.entries()) {
        if (each.do === 'push') {
          const item = { place: -1, session: sessions[each.who] ?? {}, queuedAt };
          all.push(item);
          queue.push(item);
          const row = model.find(([first]) => first?.session === item.session);
          if (row === undefined) model.push([item]);
          else row.push(item);
        } else if (each.do === 'shift') {
          const row = model.shift();
          assert.equal(queue.shift(), row?.shift());
          if (row !== undefined && row.length > 0) model.push(row);
        } else {
          const item = all[each.which];
          if (item === undefined) continue;
          const row = model.find(queued => queued.includes(item));
          assert.equal(queue.remove(item), row !== undefined);
          row?.splice(row.indexOf(item), 1);
          if (row?.length === 0) model.splice(model.indexOf(row), 1);
        }
        assert.equal(queue.size, model.flat().length);
        const oldest = model.map(([first]) => first).toSorted((a, b) => (a?.queuedAt ?? 0) - (b?.queuedAt ?? 0))[0];
        assert.equal(queue.oldest(), oldest);
      }
    }),
  );
});
